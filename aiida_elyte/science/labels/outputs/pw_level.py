"""Level of theory of pw.x from the header of its text."""

import re

import numpy as np

from aiida_elyte.science.labels.functionals import name_of_dispersion, name_of_functional
from aiida_elyte.science.labels.outputs.kpoints import spacing_of_mesh, spacing_of_points
from aiida_elyte.science.labels.outputs.step import element_of
from aiida_elyte.science.labels.theory import LevelOfTheory
from aiida_elyte.units import RYDBERG_EV

__all__ = ["dispersion_of_input", "elements_of_species", "pw_level"]

_DISPERSIONS = {
    r"Grimme-D2|Parameters for Dispersion Correction": "D2",
    # The text does not tell zero damping from that of Becke and Johnson.
    r"DFT-D3 Dispersion Correction": "D3",
    r"Many-body dispersion|Many-Body Dispersion": "MBD",
    r"Tkatchenko-Scheffler|Dispersion T-S Correction": "TS",
    r"XDM dispersion|eXchange-hole dipole": "XDM",
}
"""What the header says → correction."""

_KINDS = {"tetrahedron method": "tetrahedron", "Marzari-Vanderbilt": "Marzari-Vanderbilt", "Gaussian": "Gaussian"}
_SHELLS = "spdf"


def elements_of_species(header: str) -> dict[str, str]:
    """Return label → element, as the pseudopotentials say: labels such as ``CA`` leave it open."""
    rows = re.findall(r"^ +(\S+) +\d+\.\d\d +\d+\.\d+ +([A-Za-z]{1,2}) *\( *\d", header, re.MULTILINE)
    return {label: element_of(element) for label, element in rows}


def pw_level(header: str, cell: np.ndarray | None, alat: float) -> str:
    """Return the level of theory as a line, empty where the header names no functional.

    Parameters
    ----------
    header
        What pw.x prints before the first self-consistent field.
    cell
        Lattice vectors as rows [Å].
    alat
        Lattice parameter, the unit of the k-points it prints [Å].
    """
    elements = elements_of_species(header)
    functional = " ".join(_first(r"Exchange-correlation\s*=\s*([^(\n]+)", header).split())
    cutoffs = [_first(rf"{name} cutoff\s*=\s*([\d.]+)\s*Ry", header) for name in ("kinetic-energy", "charge density")]
    if not functional:
        return ""
    extras = []
    if fraction := _first(r"EXX-fraction\s*=\s*([\d.]+)", header):
        is_usual = name_of_functional(functional) in ("PBE0", "HSE06", "B3LYP") and float(fraction) in (0.2, 0.25)
        extras += [] if is_usual else [f"exact exchange {float(fraction):g}"]
    return str(
        LevelOfTheory(
            method=name_of_functional(functional) or functional,
            dispersion=next((name for sign, name in _DISPERSIONS.items() if re.search(sign, header)), None),
            hubbard=_hubbard(header, elements),
            cutoff=tuple(float(word) for word in cutoffs if word),
            cutoff_unit="Ry",
            kpoints=None if cell is None else _spacing(header, cell, alat),
            smearing=_smearing(header),
            spin=_spin(header),
            potentials=_potentials(header, elements),
            extras=tuple(extras),
        )
    )


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1].strip() if match else ""


def _potentials(header: str, elements: dict[str, str]) -> dict[str, str]:
    pattern = r"PseudoPot\. # *\d+ for +(\S+) +read from file:?\s+(\S+)(?:\s+MD5 check sum: *([0-9a-f]{32}))?"
    found: dict[str, str] = {}
    for label, path, digest in re.findall(pattern, header):
        name = path.replace("\\", "/").rsplit("/", 1)[-1]
        found[elements.get(label) or element_of(label)] = name + (f"#{digest[:8]}" if digest else "")
    return found


def _hubbard(header: str, elements: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, label, shell, value in re.findall(
        r"^ *(U|J0?)\((\S+?)-(\d?[spdf])\) *= *(-?[\d.]+)", header, re.MULTILINE
    ):
        element = elements.get(label) or element_of(label)
        word = f"{shell.lstrip('0123456789')} {float(value):g} eV" if name == "U" else f"{name} {float(value):g} eV"
        found[element] = f"{found[element]} {word}" if element in found and name != "U" else word
    table = re.search(r"LDA\+U calculation.*\n.*atomic species +L +U.*\n((?: +\S+ +\d +-?\d+\.\d+.*\n)+)", header)
    for row in table[1].splitlines() if table else ():
        label, shell, value = row.split()[:3]
        found[elements.get(label) or element_of(label)] = f"{_SHELLS[int(shell)]} {float(value):g} eV"
    if not found and re.search(r"LDA\+U|DFT\+U|Hubbard projectors", header):
        return {"": ""}
    return found


def _smearing(header: str) -> tuple[str, float] | None:
    if match := re.search(r"number of k points= *\d+ +(.+?) +smearing, +width \(Ry\)= *([\d.]+)", header):
        return match[1].strip(), float(match[2]) * RYDBERG_EV
    if re.search(r"number of k points=.*etrahedron", header):
        return "tetrahedron", 0.0
    return ("fixed", 0.0) if "number of k points=" in header else None


def _spin(header: str) -> str:
    if re.search(r"Non-?collinear calculation with spin-orbit", header, re.IGNORECASE):
        return "spin-orbit coupling"
    if re.search(r"Non-?collinear calculation", header, re.IGNORECASE):
        return "non-collinear spin"
    return "collinear spin" if "Starting magnetic structure" in header else "unpolarised"


def _spacing(header: str, cell: np.ndarray, alat: float) -> tuple[float, float] | None:
    if "gamma-point specific algorithms are used" in header:
        return spacing_of_mesh(cell, (1, 1, 1))
    block = header.partition("cart. coord. in units 2pi/alat")[2].partition("cryst. coord.")[0]
    rows = re.findall(r"k\( *\d+\) = \(([^)]*)\), *wk = *([\d.]+)", block)
    points = [[float(word) for word in re.findall(r"-?\d+\.\d+", row)] for row, _ in rows]
    count = _first(r"number of k points= *(\d+)", header)
    if any(len(point) != 3 for point in points) or not count:
        return None
    weights = np.array([float(weight) for _, weight in rows])
    if "Starting magnetic structure" in header and len(points) == 2 * int(count):
        points, weights = points[: int(count)], weights[: int(count)]
    symmetries = int(_first(r"(\d+) Sym\. Ops\.", header) or 1)
    # Coordinates along the reciprocal vectors: k·a, both without 2π, k in 1/alat.
    return spacing_of_points(cell, np.array(points).reshape(-1, 3) @ cell.T / alat, weights, symmetries)


def dispersion_of_input(name: str, version: str) -> str | None:
    """Return the correction that ``vdw_corr`` and ``dftd3_version`` of the input name."""
    word = name.lower()
    if word in ("", "none"):
        return None
    if "d3" in word:
        return {"3": "D3(0)", "4": "D3(BJ)", "5": "D3M(0)", "6": "D3M(BJ)"}.get(version, "D3(0)")
    return name_of_dispersion(word.replace("grimme-", "")) or name
