"""What a trajectory may leave unsaid of its atoms: elements, masses, bonds, and which of them are molecules."""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aiida_elyte.errors import InputError

__all__ = [
    "Topology",
    "are_elements",
    "find_molecules",
    "masses_of_elements",
    "read_topology",
    "select_atoms",
    "select_molecules",
]

_MASS_TOLERANCE = 0.1
"""Largest difference between a mass and that of its element [amu]: isotopes of lithium pass, united atoms do not."""

_ASE_SUFFIXES = {".cif", ".extxyz", ".poscar", ".traj", ".vasp", ".xyz"}
_ASE_NAMES = ("POSCAR", "CONTCAR", "XDATCAR")

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
class Topology:
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


def are_elements(symbols: Iterable[str]) -> bool:
    """Tell whether all names are chemical symbols."""
    return all(atomic_numbers.get(symbol, 0) > 0 for symbol in set(symbols))


def masses_of_elements(symbols: Sequence[str]) -> np.ndarray:
    """Return the standard mass of each atom [amu], shape ``(n_atoms,)``.

    Raises
    ------
    InputError
        When a name is no chemical symbol; what names the atoms is to be put in front.
    """
    if not are_elements(symbols):
        others = sorted({symbol for symbol in symbols if not are_elements([symbol])})
        raise InputError(
            f"names atoms {', '.join(others[:5])}; expected chemical symbols; give a topology (--topology) or symbols"
        )
    return atomic_masses[[atomic_numbers[symbol] for symbol in symbols]]


def read_topology(path: str | Path, *, symbols: Sequence[str] | None = None) -> Topology:
    """Read a topology: LAMMPS data, PSF, GRO, PDB and whatever else MDAnalysis knows, or a structure ASE knows.

    Elements come from the file, else from its masses (the nearest element's within 0.1 amu), else, with a note, from
    the names of the atoms.

    Parameters
    ----------
    path
        The file.
    symbols
        Chemical symbol of each atom, where the file cannot tell them.

    Raises
    ------
    InputError
        When the file is missing, cannot be read, or does not tell the elements.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"topology {path} is not there; expected a file; correct the path")
    if path.suffix.lower() in _ASE_SUFFIXES or path.name.startswith(_ASE_NAMES):
        return _read_structure(path, symbols)
    universe = _read_universe(path)
    atoms, notes = universe.atoms, []
    masses = np.asarray(getattr(atoms, "masses", np.zeros(len(atoms))), float)
    has_masses = bool((masses > 0).all())
    if symbols is None:
        told = [str(name).capitalize() for name in getattr(atoms, "elements", ())]
        if told and are_elements(told):
            symbols = told
        elif has_masses:
            symbols = _elements_of_masses(masses, path)
        else:
            symbols = _elements_of_names(atoms, path)
            notes.append(f"{path.name} tells no elements: {', '.join(sorted(set(symbols)))} guessed from atom names")
    _require_count(symbols, len(atoms), path)
    universe.add_TopologyAttr("elements", np.array(symbols, object))
    bonds = universe.bonds.indices if hasattr(universe, "bonds") else np.empty((0, 2), int)
    return Topology(
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


def _read_structure(path: Path, symbols: Sequence[str] | None) -> Topology:
    from ase.io import read

    try:
        atoms: Any = read(path, index=0)
    except Exception as error:  # readers of ASE fail in every way
        raise InputError(f"topology {path} cannot be read ({error}); expected a structure; write it anew") from error
    symbols = atoms.get_chemical_symbols() if symbols is None else symbols
    _require_count(symbols, len(atoms), path)
    return Topology(path, tuple(symbols), atoms.get_masses(), np.empty((0, 2), int))


def _read_universe(path: Path) -> Any:
    """Return what MDAnalysis reads, nothing guessed."""
    import MDAnalysis

    is_data, style = _lammps_atom_style(path)
    options: dict[str, Any] = {"topology_format": "DATA", "format": "DATA", "atom_style": style} if is_data else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return MDAnalysis.Universe(str(path), to_guess=(), **options)
        except Exception as error:  # parsers of MDAnalysis fail in every way
            raise InputError(
                f"topology {path} cannot be read ({str(error).strip().splitlines()[0]}); expected LAMMPS data, PSF, "
                "GRO, PDB, extxyz or another format that MDAnalysis or ASE know; convert it"
            ) from error


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


def _elements_of_masses(masses: np.ndarray, path: Path) -> list[str]:
    """Return the elements of the nearest standard masses."""
    values, places = np.unique(masses, return_inverse=True)
    distances = np.abs(atomic_masses[1:] - values[:, None])
    unknown = values[distances.min(axis=1) > _MASS_TOLERANCE]
    if unknown.size:
        raise InputError(
            f"topology {path} has atoms of {unknown[0]:g} amu, the mass of no element; expected masses within "
            f"{_MASS_TOLERANCE} amu of one; give the symbol of each atom"
        )
    return [chemical_symbols[number] for number in (distances.argmin(axis=1) + 1)[places]]


def _elements_of_names(atoms: Any, path: Path) -> list[str]:
    from MDAnalysis.guesser.default_guesser import DefaultGuesser

    guesser = DefaultGuesser(None)
    names = [str(name) for name in getattr(atoms, "names", ())]
    guesses = {name: guesser.guess_atom_element(name).capitalize() for name in set(names)}
    if not names or not are_elements(guesses.values()):
        others = sorted(name for name, guess in guesses.items() if not are_elements([guess]))
        raise InputError(
            f"topology {path} does not tell the elements (atom names {', '.join(others[:5]) or 'missing'}); expected "
            "elements, masses, or names that begin with the element; give the symbol of each atom"
        )
    return [guesses[name] for name in names]


def find_molecules(n_atoms: int, bonds: np.ndarray) -> list[np.ndarray]:
    """Return the atoms of each molecule, in the order of the first ones; an atom without bonds is a molecule.

    Parameters
    ----------
    n_atoms
        Number of atoms.
    bonds
        Pairs of bonded atoms, shape ``(n_bonds, 2)``.
    """
    pairs = np.asarray(bonds, int).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n_atoms, n_atoms))
    return _group(connected_components(graph, directed=False)[1])


def _group(labels: np.ndarray) -> list[np.ndarray]:
    """Return the places of each label, ascending, groups in the order of their first places."""
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return sorted(groups, key=lambda group: int(group[0]))


def select_molecules(topology: Topology | str | Path, selections: Mapping[str, str]) -> dict[str, list[np.ndarray]]:
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
        When a selection is empty or not understood, takes part of a molecule, or molecules of different make, or when
        the topology tells neither bonds nor residues.
    """
    known = topology if isinstance(topology, Topology) else read_topology(topology)
    return {name: _select(known, name, selection) for name, selection in selections.items()}


def select_atoms(topology: Topology, name: str, selection: str) -> np.ndarray:
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
        When the selection is empty or not understood, or the topology tells neither names nor residues.
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
            "'resname TFSI'; correct it"
        ) from error
    if not len(chosen):
        raise InputError(f"{where} matches no atom of {topology.path}; expected at least one molecule; correct it")
    return np.asarray(chosen)


def _select(topology: Topology, name: str, selection: str) -> list[np.ndarray]:
    where = f"selection {selection!r} of {name}"
    chosen = select_atoms(topology, name, selection)
    n_atoms = len(topology.symbols)
    if np.isin(topology.bonds, chosen).any():
        groups = find_molecules(n_atoms, topology.bonds)
    elif hasattr(topology.universe.atoms, "resids"):
        groups = _group(topology.universe.atoms.resindices)
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
