"""What a trajectory may leave unsaid of its atoms: elements, masses, bonds, and which of them are molecules."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.elements import (
    are_elements,
    element_of_mass,
    elements_in_residues,
    elements_of_labels,
    is_heavy_hydrogen,
    masses_of_elements,
)
from aiida_elyte.science.molecules.graph import find_molecules, group_by_label
from aiida_elyte.science.trajectory.formats import reader_of
from aiida_elyte.science.trajectory.listed_bonds import missing_bonds
from aiida_elyte.science.trajectory.xdatcar import read_poscar_head

__all__ = [
    "AtomTable",
    "read_topology",
    "select_atoms",
    "select_molecules",
]

_XYZ_SUFFIXES = {".extxyz", ".xyz"}
_POSCAR_SUFFIXES = {".poscar", ".vasp"}
_POSCAR_NAMES = ("POSCAR", "CONTCAR", "XDATCAR")
_ASE_SUFFIXES = {".cif", ".traj"}

_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]?[A-Z\d]*[+-]?")
"""First word of a comment that names a type, as ``CH3`` or ``O``; other comments of many words are prose."""

_COUNTS = {"LAMMPS data": r"\s*(\d+)\s+atoms\s*(?:#|$)", "PSF": r"\s*(\d+)\s+!NATOM"}
"""How a file says how many atoms it has."""

_ATOM_STYLES = {
    "atomic": "id type x y z",
    "charge": "id type charge x y z",
    "bond": "id resid type x y z",
    "angle": "id resid type x y z",
    "molecular": "id resid type x y z",
    "full": "id resid type charge x y z",
}
"""Columns of the section Atoms of a LAMMPS data file: https://docs.lammps.org/read_data.html."""


@dataclass(frozen=True)
class AtomTable:
    """The atoms of a system, in the order of its trajectory."""

    path: Path
    """The file that tells of them."""
    symbols: tuple[str, ...]
    """Chemical symbol of each atom."""
    masses: np.ndarray
    """Mass of each atom [amu], shape ``(n_atoms,)``."""
    bonds: np.ndarray
    """Pairs of bonded atoms, shape ``(n_bonds, 2)``; none where the file tells of none."""
    universe: Any = None
    """The ``MDAnalysis.Universe`` that selections act on; ``None`` where the file tells neither names nor residues."""
    notes: tuple[str, ...] = ()
    """Sentences on what was guessed."""


def read_topology(
    path: str | Path, *, symbols: Sequence[str] | None = None, elements: Mapping[str, str] | None = None
) -> AtomTable:
    """Read a topology: LAMMPS data, PSF, GRO, PDB and whatever else MDAnalysis knows, or a structure ASE knows.

    Elements come from the file, else from the names of its atoms or types and its masses: a name tells what a mass may
    be, so that united atoms and heavy hydrogens are what they are called. Names without masses are noted.

    Parameters
    ----------
    path
        The file.
    symbols
        Chemical symbol of each atom, where the file cannot tell them.
    elements
        Type → chemical symbol, for LAMMPS data whose types have no names; they go before names in the file.

    Raises
    ------
    InputError
        If the file is missing, cannot be read, or does not tell the elements.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"topology {path} is not there; expected a file; give the path of one")
    kind = path.suffix.lower()
    is_poscar = kind in _POSCAR_SUFFIXES or path.name.startswith(_POSCAR_NAMES)
    if is_poscar or kind in _XYZ_SUFFIXES | _ASE_SUFFIXES:
        return _read_structure(path, symbols, is_poscar=is_poscar)
    universe, type_names = _read_universe(path, elements or {})
    atoms, notes = universe.atoms, []
    masses = np.asarray(getattr(atoms, "masses", np.zeros(len(atoms))), float)
    has_masses = bool((masses > 0).all())
    if symbols is None:
        told = [str(name).capitalize() for name in getattr(atoms, "elements", ())]
        if told and are_elements(told):
            symbols = told
        else:
            symbols, said = _elements_of_atoms(atoms, masses if has_masses else None, type_names, path)
            notes += [said] if said else []
    _require_count(symbols, len(atoms), path)
    universe.add_TopologyAttr("elements", np.array(symbols, object))
    try:
        bonds = universe.bonds.indices if hasattr(universe, "bonds") else np.empty((0, 2), int)
    except IndexError as error:
        raise InputError(f"topology {path} has bonds of atoms that it does not list; write it anew") from error
    return AtomTable(
        path=path,
        symbols=tuple(symbols),
        masses=masses if has_masses else masses_of_elements(symbols),
        bonds=np.asarray(bonds, int).reshape(-1, 2),
        universe=universe,
        notes=tuple(notes),
    )


def _require_count(symbols: Sequence[str], n_atoms: int, path: Path) -> None:
    if len(symbols) != n_atoms:
        raise InputError(f"symbols has {len(symbols)} entries for {n_atoms} atoms of {path}; expected one an atom")


def _read_structure(path: Path, symbols: Sequence[str] | None, *, is_poscar: bool) -> AtomTable:
    """Read a file that tells of atoms one by one, without bonds or residues."""
    notes: list[str] = []
    names: Sequence[str] | None = None
    masses: np.ndarray | None = None
    try:
        if is_poscar:
            names = _poscar_symbols(path)
        elif path.suffix.lower() in _XYZ_SUFFIXES:
            first = next(reader_of(path, "real")(path, 0, 1, notes), None)
            names, masses = (
                (None, None) if first is None or first.symbols is None else (first.symbols.tolist(), first.masses)
            )
        if names is None:
            atoms = _read_with_ase(path)
            names, masses = atoms.get_chemical_symbols(), atoms.get_masses()
        names = names if symbols is None else symbols
        masses = masses_of_elements(names) if masses is None else masses
    except (InputError, ValueError, LookupError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"topology {path} cannot be read ({reason}); expected a structure; write it anew") from error
    _require_count(names, len(masses), path)
    return AtomTable(path, tuple(names), np.asarray(masses, float), np.empty((0, 2), int), notes=tuple(notes))


def _poscar_symbols(path: Path) -> list[str] | None:
    """Return the symbol of each atom; ``None`` where the file names none."""
    with path.open(encoding="utf-8", errors="replace") as handle:
        lines = [line for line, _ in zip(handle, range(7), strict=False)]
    _, names, counts = read_poscar_head([*lines[1:], "", "", "", "", "", ""][:6])
    if names is None:
        return None
    known = elements_of_labels(names)
    return [known[name] for name, count in zip(names, counts, strict=True) for _ in range(count)]


def _read_with_ase(path: Path) -> Any:
    from ase.io import read

    try:
        return read(path, index=0)
    except Exception as error:  # readers of ASE fail in every way
        raise InputError(str(error) or type(error).__name__) from error


def _read_universe(path: Path, elements: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """Return what MDAnalysis reads, nothing guessed, and the names of the types of LAMMPS data.

    Raises
    ------
    InputError
        If the file cannot be read, or holds another number of atoms than it says.
    """
    import MDAnalysis

    is_data, style = _lammps_atom_style(path)
    options: dict[str, Any] = {"topology_format": "DATA", "format": "DATA", "atom_style": style} if is_data else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            universe = MDAnalysis.Universe(str(path), to_guess=(), **options)
        except Exception as error:  # parsers of MDAnalysis fail in every way
            raise InputError(
                f"topology {path} cannot be read ({_first_line(error)}); expected LAMMPS data, PSF, "
                "GRO, PDB, extxyz or another format that MDAnalysis or ASE know; convert it"
            ) from error
    told = _told_count(path, is_data)
    if told is not None and told != len(universe.atoms):
        raise InputError(
            f"topology {path} says that it has {told} atoms, and lists {len(universe.atoms)}; expected as many; "
            "write it anew"
        )
    if missing := missing_bonds(path, "data" if is_data else path.suffix.lower()):
        raise InputError(f"topology {path} {missing}; expected all of them; copy it anew, or end its last line")
    return universe, {**_lammps_type_names(path), **elements} if is_data else {}


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _told_count(path: Path, is_data: bool) -> int | None:
    """Return how many atoms a file says it has; ``None`` where it does not say."""
    kind = path.suffix.lower()
    with path.open(encoding="utf-8", errors="replace") as handle:
        if kind == ".gro":
            handle.readline()
            words = handle.readline().split()
            return int(words[0]) if words and words[0].isdigit() else None
        if not is_data and kind != ".psf":
            return None
        pattern = re.compile(_COUNTS["LAMMPS data" if is_data else "PSF"])
        found = next((match for line in handle if (match := pattern.match(line))), None)
    return None if found is None else int(found.group(1))


def _lammps_type_names(path: Path) -> dict[str, str]:
    """Return type → its label, or what stands behind its mass, as ``1 15.035 # CH3`` has it, where that is a name."""
    names: dict[str, str] = {}
    section = ""
    with path.open(encoding="utf-8", errors="replace") as handle:
        for line in handle:
            content, _, comment = line.partition("#")
            words = content.split()
            if words and words[0].isalpha() and not words[0].islower():
                section = " ".join(words)
                if section == "Atoms":
                    break
            elif section == "Atom Type Labels" and len(words) == 2:
                names[words[0]] = words[1]
            elif section == "Masses" and len(words) == 2:
                said = comment.split()
                if len(said) == 1 or (said and _TYPE_NAME.fullmatch(said[0])):
                    names.setdefault(words[0], said[0])
    return names


def _lammps_atom_style(path: Path) -> tuple[bool, str]:
    """Tell whether a file is LAMMPS data, and the columns of its section Atoms."""
    is_data = False
    with path.open("rb") as handle:
        for number, raw in enumerate(handle):
            line = raw.decode("latin-1")
            is_data = is_data or re.match(r"\s*\d+\s+atom\s+types\b", line) is not None
            if not is_data and number > 100:
                break
            if is_data and line.split()[:1] == ["Atoms"]:
                words = line.partition("#")[2].split()
                first = next((row.split(b"#")[0].split() for row in handle if row.strip()), [])
                style = words[0] if words else {5: "atomic", 8: "atomic", 7: "full", 10: "full"}.get(len(first), "")
                if style not in _ATOM_STYLES:
                    raise InputError(
                        f"topology {path} has atoms of style {style or 'unknown'}; expected one of "
                        f"{', '.join(_ATOM_STYLES)}; write it behind the section's name, as 'Atoms # full'"
                    )
                return True, _ATOM_STYLES[style]
    return False, ""


def _elements_of_atoms(
    atoms: Any, masses: np.ndarray | None, type_names: Mapping[str, str], path: Path
) -> tuple[Sequence[str], str]:
    """Return the elements from names of atoms or types and masses, and what is to be noted."""
    if type_names:
        names = [type_names.get(str(kind), "") for kind in atoms.types]
    else:
        names = [str(name) for name in getattr(atoms, "names", [""] * len(atoms))]
    kinds = getattr(atoms, "resnames", [""] * len(atoms)) if masses is None else [""] * len(atoms)
    residues = list(zip(getattr(atoms, "resindices", range(len(atoms))), map(str, kinds), strict=True))
    symbols, said = elements_in_residues(names, residues, None if masses is None else masses.tolist())
    if symbols is not None:
        if masses is not None:
            return symbols, ""
        guessed = f"{path.name} tells no elements: {', '.join(sorted(set(symbols)))} guessed from atom names"
        return symbols, f"{guessed}; {said}" if said else guessed
    if masses is None:
        raise InputError(
            f"topology {path} does not tell the elements ({said}); expected elements, masses, or names that begin with "
            "the element; give one with elements or masses, as LAMMPS data, PSF or extxyz"
        )
    unknown = [mass for mass in np.unique(masses) if element_of_mass(mass) is None]
    heavy = [mass for mass in unknown if is_heavy_hydrogen(mass)]
    why = f"atoms of {(heavy or unknown or [masses[0]])[0]:g} amu, " + (
        "hydrogens made heavier, beside which masses do not tell the elements" if heavy else "the mass of no element"
    )
    raise InputError(
        f"topology {path} has {why}; expected names that tell the elements; name each type behind its mass, as "
        "'1 15.035 # CH3', or give --elements 1=C,2=H, or the elements in an extxyz file"
    )


def select_molecules(topology: AtomTable | str | Path, selections: Mapping[str, str]) -> dict[str, list[np.ndarray]]:
    """Return the molecules that selections name, split by bonds, or by residues where the selected have no bonds.

    Parameters
    ----------
    topology
        The topology, or its file.
    selections
        Name of the molecules → selection in the language of MDAnalysis, as ``"resname TFSI"``.

    Returns
    -------
    dict
        Name → atoms of each molecule, as ``Reducer`` takes them.

    Raises
    ------
    InputError
        If a selection is empty or not understood, takes part of a molecule, or molecules of different make, or if
        the topology tells neither bonds nor residues.
    """
    known = topology if isinstance(topology, AtomTable) else read_topology(topology)
    return {name: _select(known, name, selection) for name, selection in selections.items()}


def select_atoms(topology: AtomTable, name: str, selection: str) -> np.ndarray:
    """Return the atoms that a selection in the language of MDAnalysis names, ascending.

    Parameters
    ----------
    topology
        The topology.
    name
        What the atoms are called in an error.
    selection
        As ``"type 5 and resid 1:20"``.

    Raises
    ------
    InputError
        If the selection is empty or not understood, or the topology tells neither names nor residues.
    """
    where = f"selection {selection!r} of {name}"
    if topology.universe is None:
        raise InputError(
            f"{topology.path} tells neither bonds nor residues; expected them for molecules of {name}; "
            "give a topology with bonds, as LAMMPS data, PSF or PDB"
        )
    try:
        chosen = topology.universe.select_atoms(selection).indices
    except Exception as error:  # whatever a selection may run into
        raise InputError(
            f"{where} is not understood ({str(error).splitlines()[0]}); expected the language of MDAnalysis, as "
            "'resname TFSI'"
        ) from error
    if not len(chosen):
        raise InputError(f"{where} matches no atom of {topology.path}; expected at least one molecule")
    return np.asarray(chosen)


def _select(topology: AtomTable, name: str, selection: str) -> list[np.ndarray]:
    where = f"selection {selection!r} of {name}"
    chosen = select_atoms(topology, name, selection)
    n_atoms = len(topology.symbols)
    if np.isin(topology.bonds, chosen).any():
        groups = find_molecules(n_atoms, topology.bonds)
    elif hasattr(topology.universe.atoms, "resids"):
        groups = group_by_label(topology.universe.atoms.resindices)
    else:
        raise InputError(
            f"{topology.path} tells neither bonds nor residues of {name}; expected them; add bonds to the topology"
        )
    is_chosen = np.isin(np.arange(n_atoms), chosen)
    molecules = [group for group in groups if is_chosen[group].any()]
    for atoms in molecules:
        if not is_chosen[atoms].all():
            raise InputError(
                f"{where} takes {is_chosen[atoms].sum()} of the {len(atoms)} atoms of the molecule of atom {atoms[0]}; "
                "expected whole molecules; widen or narrow it"
            )
        made = sorted(topology.symbols[atom] for atom in atoms)
        if made != sorted(topology.symbols[atom] for atom in molecules[0]):
            raise InputError(
                f"{where} takes molecules of {len(molecules[0])} and of {len(atoms)} atoms, or of other elements; "
                "expected molecules of one make; give each its own name"
            )
    return molecules
