"""Names of functionals and of corrections for dispersion, as codes and people write them, under their common ones."""

import re

__all__ = ["name_of_dispersion", "name_of_functional"]

_FUNCTIONALS = {
    "PBE": "pbe, gga pe, gga-pbe, pbe gga, Perdew Burke Ernzerhof, sla+pw+pbx+pbc, sla+pw+pbe+pbe, "
    "Perdew-Burke-Ernzerhof",
    "PBEsol": "pbesol, gga ps, sla+pw+psx+psc, PBE for solids 2008, PBE for solids, pbes",
    "RPBE": "rpbe, gga rp, sla+pw+hhnx+pbc, revised Perdew Burke Ernzerhof, RPBE gradient-corrected",
    "revPBE": "revpbe, gga re, sla+pw+rpb+pbc, sla+pw+revx+pbc",
    "PW91": "pw91, gga 91, sla+pw+ggx+ggc, Perdew Wang 1991, Perdew Wang",
    "AM05": "am05, gga am",
    "WC": "wc, sla+pw+wcx+pbc, Wu-Cohen, Wu Cohen 2006",
    "LDA (PZ)": "lda, lda pz, lda ca, gga ca, pz, ca-pz, lda pz81, pz-lda, sla+pz, sla+pz+nogx+nogc, "
    "Local Density Approximation",
    "LDA (PW)": "lda pw, pw-lda, sla+pw, sla+pw+nogx+nogc",
    "LDA (Padé)": "pade, lda pade",
    "BLYP": "blyp, sla+lyp+b88+blyp, sla+b88+lyp+blyp, b88+lyp",
    "BP86": "bp, bp86, sla+pz+b88+p86, b88+p86",
    "TPSS": "tpss",
    "revTPSS": "revtpss, rtpss",
    "SCAN": "scan",
    "rSCAN": "rscan",
    "r2SCAN": "r2scan, r^2scan, r2sca",
    "PBE0": "pbe0, hybrid pbe0, pb0x+pw+pb0x+pbc, pbeh",
    "HSE06": "hse, hse06, hse 06, hybrid hse06",
    "HSE03": "hse03",
    "B3LYP": "b3lyp, hybrid b3lyp, b3lp+b3lp+b3lp+b3lp",
    "HF": "hf, hartree-fock, Hartree Fock",
    "BEEF-vdW": "beef-vdw, beef",
    "vdW-DF": "vdw-df, vdw-df1",
    "vdW-DF2": "vdw-df2",
    "optB88-vdW": "optb88-vdw, vdw-df-ob88",
    "optB86b-vdW": "optb86b-vdw, vdw-df-ob86",
    "rVV10": "rvv10, sla+pw+rw86+pbc+vv10",
}
"""Common name → how VASP, pw.x, CP2K, CASTEP, FHI-aims and people write it."""

_DISPERSIONS = {
    "D2": "d2, dft-d2, dft-d, grimme-d2, g06, dft-d2 grimme",
    "D3": "d3, dft-d3",
    "D3(0)": "d3 0, d3zero, d3-zero, dft-d3 0, zero damping d3",
    "D3(BJ)": "d3bj, d3 bj, d3-bj, gd3bj, dft-d3 bj, dft-d3bj",
    "D3M(BJ)": "d3m bj, d3mbj",
    "D4": "d4, dft-d4",
    "TS": "ts, dft-ts, vdw-ts, tkatchenko-scheffler",
    "MBD": "mbd, mbd rsscs, mbd@rsscs, many-body dispersion",
    "XDM": "xdm",
    "dDsC": "ddsc, dft-ddsc",
    "OBS": "obs",
    "JCHS": "jchs",
    "rVV10": "rvv10, vv10",
    "vdW-DF": "vdw-df nonlocal",
}


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower().replace("²", "2"))


_BY_KEY = {_key(word): name for name, words in _FUNCTIONALS.items() for word in [*words.split(","), name]}
_DISPERSION_BY_KEY = {_key(word): name for name, words in _DISPERSIONS.items() for word in [*words.split(","), name]}


def name_of_functional(text: str) -> str | None:
    """Return the common name of a functional, however a code spells it; ``None`` for one that is not known."""
    return _BY_KEY.get(_key(text))


def name_of_dispersion(text: str) -> str | None:
    """Return the common name of a correction for dispersion; ``None`` for one that is not known."""
    return _DISPERSION_BY_KEY.get(_key(text))
