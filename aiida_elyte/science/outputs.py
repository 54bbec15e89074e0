"""Labelled frames from the output files of VASP and pw.x, with the level of theory these files tell."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

from ase import Atoms
from ase.io import read
from ase.io.formats import UnknownFileTypeError, open_with_compression
from ase.units import create_units

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels, labels_of
from aiida_elyte.units import BOHR_A, RYDBERG_EV

__all__ = ["is_output", "read_output"]

_SIGNS = {"<modeling>": "vasp-xml", "Program PWSCF": "espresso-out"}
"""What the first lines of a file hold → format of ASE."""

_VASP_FUNCTIONALS = {"PE": "PBE", "PS": "PBEsol", "RP": "RPBE", "RE": "revPBE", "91": "PW91", "AM": "AM05", "CA": "LDA"}
"""Tag GGA of VASP → functional; ``--`` leaves the choice to the POTCAR."""

_VASP_EXTRAS = {"IVDW": "0", "LHFCALC": "F", "LDAU": "F", "LSORBIT": "F", "LUSE_VDW": "F", "EFIELD": "0"}
"""Tags that change the theory → their value when they do not."""


_OF_ASE = create_units("2006")
_RYDBERG, _BOHR = RYDBERG_EV / _OF_ASE["Ry"], BOHR_A / _OF_ASE["Bohr"]
_PW_FACTORS = {"energy": _RYDBERG, "forces": _RYDBERG / _BOHR, "stress": _RYDBERG / _BOHR**3}
"""ASE reads pw.x with constants of 2006, off by 9e-8: frames labelled through AiiDA and imported ones must agree."""


def is_output(path: str | Path) -> bool:
    """Tell whether a file is a vasprun.xml or the text pw.x writes, by its first lines."""
    return _format_of(Path(path)) is not None


def read_output(path: str | Path) -> tuple[list[Atoms], list[str]]:
    """Read every frame of a vasprun.xml, or of the text pw.x writes, plain or compressed.

    Energies are those of which the forces are the derivative: with smearing, the free energy. The level of theory
    names functional, cutoffs and pseudopotentials, so that frames of different settings are told apart.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    tuple
        The frames with their labels, and a sentence for every frame left out because its electrons did not converge.

    Raises
    ------
    InputError
        When the file is neither, is broken, or holds no converged frame.
    """
    path = Path(path)
    file_format = _format_of(path)
    if file_format is None:
        raise InputError(f"{path} is neither a vasprun.xml nor the output of pw.x; expected one of them")
    try:
        found = read(path, index=":", format=file_format)
        if file_format == "vasp-xml":
            level, is_converged = _read_vasprun(path)
        else:
            level, is_converged = _level_of_pw_output(path), [True] * len(found)
    except (ElementTree.ParseError, ValueError, IndexError, KeyError, AttributeError, UnknownFileTypeError) as error:
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}: {error}); expected the whole output of a finished run"
        ) from error
    frames, left_out = [], []
    block = "/".join(path.parts[-2:])  # these files are all called alike: the folder tells them apart
    for index, (frame, converged) in enumerate(zip(found, is_converged, strict=False)):
        labels = _labels(frame, _PW_FACTORS if file_format == "espresso-out" else {})
        if not converged or not {"energy", "forces"} <= set(labels):
            left_out.append(f"{path}: frame {index} is left out: its electrons did not converge")
            continue
        frame.info = {"origin": f"{block}#{index}", "level_of_theory": level}
        frame.set_constraint()
        frames.append(attach_labels(frame, **labels))
    if not frames:
        raise InputError(f"{path} holds no converged frame with energy and forces; expected at least one")
    return frames, left_out


def _format_of(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        with open_with_compression(str(path), "rt") as handle:
            head = handle.read(4096)
    except (UnicodeDecodeError, OSError, EOFError):
        return None
    return next((name for sign, name in _SIGNS.items() if sign in head), None)


def _labels(frame: Atoms, factors: Mapping[str, float]) -> dict[str, Any]:
    """Return energy, forces and stress times some factors; the energy is the one the forces belong to."""
    labels = {key: value for key, value in labels_of(frame).items() if key in ("energy", "forces", "stress")}
    free = None if frame.calc is None else frame.calc.results.get("free_energy")
    if free is not None:
        labels["energy"] = float(free)
    return {key: value * factors.get(key, 1.0) for key, value in labels.items()}


def _read_vasprun(path: Path) -> tuple[str, list[bool]]:
    """Return the level of theory of a vasprun.xml, and for each of its frames whether the electrons converged."""
    tags: dict[str, str] = {}
    potentials: list[str] = []
    is_converged: list[bool] = []
    try:
        with open_with_compression(str(path), "rb") as handle:
            for element in _elements(handle):
                if element.tag in ("incar", "parameters"):
                    tags |= {one.get("name", ""): (one.text or "").strip() for one in element.iter("i")}
                elif element.tag == "array" and element.get("name") == "atomtypes":
                    potentials = [" ".join((row[4].text or "").split()) for row in element.iter("rc")]
                elif element.tag == "calculation":
                    is_converged.append(len(element.findall("scstep")) < int(tags["NELM"]))
                    element.clear()
    except ElementTree.ParseError:
        if not is_converged:  # else the run was cut short, and its whole frames count
            raise
    gga = tags.get("GGA", "--").upper()
    if tags.get("METAGGA", "--").upper() not in ("--", "NONE", "F", ""):
        functional = tags["METAGGA"].upper()
    elif gga in ("--", ""):
        functional = "PBE" if any(name.startswith("PAW_PBE") for name in potentials) else "functional of the POTCAR"
    else:
        functional = _VASP_FUNCTIONALS.get(gga, f"GGA={gga}")
    extras = [
        f"{tag}={tags[tag]}" for tag, plain in _VASP_EXTRAS.items() if tag in tags and not _is_same(tags[tag], plain)
    ]
    hybrid = [f"{tag}={float(tags[tag]):g}" for tag in ("AEXX", "HFSCREEN") if tags.get("LHFCALC") == "T"]
    return ", ".join(
        [functional, f"{float(tags['ENMAX']):g} eV", *extras, *hybrid, " + ".join(potentials)]
    ), is_converged


def _elements(handle: IO[bytes]) -> Iterator[ElementTree.Element]:
    for _, element in ElementTree.iterparse(handle):
        yield element


def _is_same(value: str, plain: str) -> bool:
    return value == plain or (plain == "0" and not float(value))


def _level_of_pw_output(path: Path) -> str:
    """Return the level of theory of what pw.x printed."""
    with open_with_compression(str(path), "rt") as handle:
        text = handle.read()

    def first(pattern: str) -> str:
        match = re.search(pattern, text)
        if match is None:
            raise ValueError(f"no line like {pattern!r}")
        return match.group(1)

    functional = first(r"Exchange-correlation\s*=\s*(.+)").split("(")[0].strip()
    wave, density = (
        float(first(rf"{name} cutoff\s*=\s*([\d.]+)\s*Ry")) for name in ("kinetic-energy", "charge density")
    )
    potentials = [Path(name).name for name in re.findall(r"PseudoPot\. #.*read from file:?\s*\n?\s*(\S+)", text)]
    return ", ".join([functional, f"{wave:g}/{density:g} Ry", " + ".join(potentials)])
