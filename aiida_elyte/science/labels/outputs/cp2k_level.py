"""Level of theory of CP2K's Quickstep from the header of its output."""

import re

import numpy as np

from aiida_elyte.science.labels.functionals import name_of_functional
from aiida_elyte.science.labels.outputs.kpoints import spacing_of_mesh
from aiida_elyte.science.labels.outputs.step import element_of
from aiida_elyte.science.labels.theory import LevelOfTheory
from aiida_elyte.units import BOLTZMANN_EV_K

__all__ = ["cp2k_level"]

_SHELLS = "spdf"


def cp2k_level(header: str, cell: np.ndarray | None) -> str:
    """Return the level of theory as a line, empty where the header names no functional (PRINT_LEVEL LOW).

    Parameters
    ----------
    header
        What CP2K prints before its first energy.
    cell
        Lattice vectors as rows [Å].
    """
    method, extras = _method(header)
    if not method:
        return ""
    cutoff = _first(r"QS\| Density cutoff \[a\.u\.\]: *([\d.]+)", header)
    relative = _first(r"QS\| Relative density cutoff \[a\.u\.\]: *([\d.]+)", header)
    if relative:
        extras.append(f"relative cut-off {2 * float(relative):g} Ry")
    potentials, hubbard = _kinds(header)
    mesh = [int(word) for word in _first(r"BRILLOUIN\| K-Point grid +([\d ]+)", header).split()] or [1, 1, 1]
    temperature = _first(r"Electronic temperature \[K\]: *([\d.]+)", header)
    return str(
        LevelOfTheory(
            method=method,
            dispersion=_dispersion(header),
            hubbard=hubbard,
            cutoff=(2 * float(cutoff),) if cutoff else (),
            cutoff_unit="Ry",
            kpoints=None if cell is None else spacing_of_mesh(cell, mesh),
            smearing=("Fermi-Dirac", float(temperature) * BOLTZMANN_EV_K) if temperature else ("fixed", 0.0),
            spin="collinear spin" if re.search(r"DFT\| Spin unrestricted|DFT\|.*\bUKS\b", header) else "unpolarised",
            potentials=potentials,
            extras=tuple(extras),
        )
    )


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1].strip() if match else ""


def _method(header: str) -> tuple[str, list[str]]:
    kind = _first(r"QS\| Method: +(\S+)", header)
    if kind and kind not in ("GPW", "GAPW", "GAPW_XC"):
        return f"{kind} of CP2K", []
    names = [
        name.strip() for name in re.findall(r"FUNCTIONAL\| ([A-Z][A-Za-z0-9_ -]*):", header) if "ROUTINE" not in name
    ]
    text = "+".join(dict.fromkeys(name.removeprefix("BECKE88").strip() or "B88" for name in names))
    extras = [kind] if kind in ("GAPW", "GAPW_XC") else []
    if fraction := _first(r"HFX_INFO\| FRACTION: +([\d.]+)", header):
        extras.append(f"exact exchange {float(fraction):g}")
    return name_of_functional(text) or text, extras


def _dispersion(header: str) -> str | None:
    lines = "\n".join(re.findall(r"vdW POTENTIAL\|.*", header))
    if "DFT-D3" in lines:
        return "D3(BJ)" if re.search(r"BJ|Becke", lines) else "D3(0)"
    if "DFT-D4" in lines or "D4" in lines:
        return "D4"
    if "DFT-D2" in lines:
        return "D2"
    if lines:
        return "rVV10" if "rVV10" in lines else "vdW-DF"
    return None


def _kinds(header: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the basis and potential of each element, and its Hubbard correction."""
    potentials: dict[str, str] = {}
    hubbard: dict[str, str] = {}
    for block in re.split(r"\n *\d+\. Atomic kind: ", header)[1:]:
        element = element_of(block.split(maxsplit=1)[0])
        basis = _first(r"Orbital Basis Set +(\S+)", block)
        potential = _first(r"Potential information for +(\S+)", block)
        if words := [word for word in (basis, potential) if word]:
            potentials[element] = " with ".join(words)
        shell = _first(r"Angular quantum momentum number L: +(\d)", block)
        if value := _first(r"U\(eff\) = \(U - J\) value in \[eV\]: +(-?[\d.]+)", block):
            hubbard[element] = f"{_SHELLS[int(shell)] if shell else ''} {float(value):g} eV".strip()
    if not hubbard and "DFT+U|" in header:
        return potentials, {"": ""}
    return potentials, hubbard
