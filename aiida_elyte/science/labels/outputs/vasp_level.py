"""Level of theory of VASP from its tags, the same from vasprun.xml and from OUTCAR."""

import re
from collections.abc import Mapping, Sequence

from aiida_elyte.science.labels.functionals import name_of_functional
from aiida_elyte.science.labels.outputs.step import element_of
from aiida_elyte.science.labels.theory import LevelOfTheory

__all__ = ["element_of_title", "is_true", "vasp_level"]

_DISPERSIONS = {
    "1": "D2", "10": "D2", "11": "D3(0)", "12": "D3(BJ)", "13": "D4", "15": "simple-DFT-D3", "16": "SDFT-D3(BJ)",
    "2": "TS", "20": "TS", "21": "TS/HI", "202": "MBD", "263": "MBD/FI", "3": "dDsC", "4": "dDsC",
}  # fmt: skip
"""Tag IVDW → its name."""

_SMEARINGS = {-5: "tetrahedron (Blöchl)", -4: "tetrahedron", -1: "Fermi-Dirac", 0: "Gaussian"}
_SHELLS = "spdf"
_HSE06 = (0.2, 0.208)
"""Screening that is called HSE06 [1/Å]: 0.11/bohr, which is 0.2079/Å, and the 0.2 and 0.207 it is rounded to.

10.1063/1.2404663
"""


def is_true(value: str) -> bool:
    """Tell whether a logical tag is set."""
    return value.strip(". ").upper().startswith("T")


def element_of_title(title: str) -> str:
    """Return the element of a title like ``PAW_PBE Li_sv 10Sep2004``."""
    words = title.split()
    return element_of(re.split(r"[_.]", words[1] if len(words) > 1 else words[0])[0]) if words else "X"


def vasp_level(
    tags: Mapping[str, str], potentials: Sequence[tuple[str, str]], kpoints: tuple[float, float] | None
) -> str:
    """Return the level of theory as a line.

    Parameters
    ----------
    tags
        Of the INCAR, with the defaults where the file tells them.
    potentials
        Element and title (``PAW_PBE Li_sv 10Sep2004``) of each kind of atom, in order.
    kpoints
        Bounds of their spacing [1/Å].
    """
    method, extras = _method(tags, potentials)
    cutoff = tags.get("ENCUT") or tags.get("ENMAX")
    ismear = int(float(tags["ISMEAR"])) if "ISMEAR" in tags else None
    sigma = 0.0 if ismear in (None, -4, -5) else float(tags.get("SIGMA", "0.2"))
    if float(tags.get("EFIELD", "0").split()[0]):
        extras.append(f"EFIELD {float(tags['EFIELD'].split()[0]):g}")
    return str(
        LevelOfTheory(
            method=method,
            dispersion=_dispersion(tags),
            hubbard=_hubbard(tags, [element for element, _ in potentials]),
            cutoff=(float(cutoff.split()[0]),) if cutoff else (),
            kpoints=kpoints,
            smearing=None if ismear is None else (_SMEARINGS.get(ismear, f"Methfessel-Paxton {ismear}"), sigma),
            spin=_spin(tags),
            potentials={
                element: " & ".join(dict.fromkeys(title for other, title in potentials if other == element))
                for element, _ in potentials
            },
            extras=tuple(extras),
        )
    )


def _method(tags: Mapping[str, str], potentials: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    gga = tags.get("GGA", "--").strip().upper()
    meta = tags.get("METAGGA", "--").strip().upper()
    if meta not in ("--", "NONE", "F", ".FALSE.", ""):
        functional = name_of_functional(meta) or meta
    elif gga in ("--", ""):
        is_pbe = any(title.startswith("PAW_PBE") for _, title in potentials)
        functional = "PBE" if is_pbe else "functional of the POTCAR"
    else:
        functional = name_of_functional(f"gga {gga}") or f"GGA={gga}"
    if not is_true(tags.get("LHFCALC", "F")):
        return functional, []
    exchange, screening = (float(tags.get(tag, "0").split()[0]) for tag in ("AEXX", "HFSCREEN"))
    if functional == "PBE" and exchange == 0.25 and (screening == 0 or _HSE06[0] <= screening <= _HSE06[1]):
        return ("HSE06" if screening else "PBE0"), []
    return functional, [f"exact exchange {exchange:g} screened by {screening:g}/Å"]


def _dispersion(tags: Mapping[str, str]) -> str | None:
    names = []
    if int(float(tags.get("IVDW", "0").split()[0])):
        names.append(_DISPERSIONS.get(tags["IVDW"].strip(), f"IVDW={tags['IVDW'].strip()}"))
    if is_true(tags.get("LUSE_VDW", "F")):
        names.append("rVV10" if tags.get("METAGGA", "--").strip().upper() not in ("--", "F", "") else "vdW-DF")
    if is_true(tags.get("LVDW", "F")) and not names:
        names.append("D2")
    return " and ".join(names) or None


def _hubbard(tags: Mapping[str, str], elements: Sequence[str]) -> dict[str, str]:
    if not is_true(tags.get("LDAU", "F")):
        return {}
    if not {"LDAUL", "LDAUU"} <= tags.keys():
        return {"": ""}
    shells = [int(float(word)) for word in tags["LDAUL"].split()]
    strengths, exchanges = ([float(word) for word in tags.get(tag, "").split()] for tag in ("LDAUU", "LDAUJ"))
    found = {}
    for index, (element, shell, strength) in enumerate(zip(elements, shells, strengths, strict=False)):
        exchange = exchanges[index] if index < len(exchanges) else 0.0
        if shell >= 0 and (strength or exchange):
            found[element] = f"{_SHELLS[shell]} {strength:g} eV" + (f" J {exchange:g} eV" if exchange else "")
    return found


def _spin(tags: Mapping[str, str]) -> str | None:
    if is_true(tags.get("LSORBIT", "F")):
        return "spin-orbit coupling"
    if is_true(tags.get("LNONCOLLINEAR", "F")):
        return "non-collinear spin"
    if "ISPIN" not in tags:
        return None
    return "collinear spin" if tags["ISPIN"].split()[0] == "2" else "unpolarised"
