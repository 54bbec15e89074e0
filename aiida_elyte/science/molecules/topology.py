"""Topology: the graph of bonded atoms, and the angles, dihedrals and impropers that follow from it.

A topology comes from bonds, from SMILES, or once from the distances in a frame (``perception``); it is never perceived
anew per frame. Bond orders are never asked for: the graph alone decides.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.elements import are_elements
from aiida_elyte.science.molecules.graph import find_molecules

__all__ = [
    "Topology",
    "charges_of_molecules",
    "formula_of",
    "has_unpaired_electrons",
    "join",
    "list_neighbours",
    "renumber",
    "topology_from_bonds",
    "topology_from_smiles",
]


@dataclass(frozen=True)
class Topology:
    """Molecules as a graph, with its angles, dihedrals and impropers.

    Rows are in one canonical order, whatever the order of the bonds: a row begins at its end of lower index (a dihedral
    at that of its second and third atom), outer atoms of an improper ascend, and rows ascend. A row occurs once.
    """

    elements: tuple[str, ...]
    """Chemical symbol of each of the N atoms."""
    formal_charges: np.ndarray
    """Formal charge of each atom [e], ``shape=(N,)``; only its sum over a molecule is meant."""
    molecules: np.ndarray
    """Molecule of each atom, numbered in the order of their first atoms, ``shape=(N,)``."""
    names: tuple[str, ...]
    """Name of each molecule."""
    bonds: np.ndarray
    """Bonded atoms, ``shape=(B, 2)``."""
    angles: np.ndarray
    """Atoms of each angle, the centre second, ``shape=(A, 3)``."""
    dihedrals: np.ndarray
    """Atoms of each dihedral along its bonds, ``shape=(D, 4)``."""
    impropers: np.ndarray
    """Atoms of each improper, the centre second as in LAMMPS' class 2, ``shape=(I, 4)``."""


def charges_of_molecules(topology: Topology) -> np.ndarray:
    """Return the formal charge of each molecule [e], ``shape=(n_molecules,)``."""
    charges = np.zeros(len(topology.names), dtype=int)
    np.add.at(charges, topology.molecules, topology.formal_charges)
    return charges


def list_neighbours(topology: Topology) -> list[list[int]]:
    """Return the atoms bonded to each atom, ascending."""
    return _list_neighbours(len(topology.elements), topology.bonds)


def formula_of(elements: Iterable[str]) -> str:
    """Return the formula after Hill: C, H, then the alphabet."""
    counts = Counter(elements)
    first = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    symbols = first + sorted(set(counts) - set(first))
    return "".join(symbol + (str(counts[symbol]) if counts[symbol] > 1 else "") for symbol in symbols)


def topology_from_bonds(
    elements: Sequence[str],
    bonds: Sequence[Sequence[int]] | np.ndarray,
    formal_charges: Sequence[int] | np.ndarray | None = None,
    names: Sequence[str] | None = None,
) -> Topology:
    """Enumerate the terms of a graph.

    - angles: every pair of neighbours of every atom.
    - dihedrals i–j–k–l: every bond j–k with a further neighbour of each, i ≠ l; none where j or k is linear or has
      more than four neighbours, for there φ is undefined. Linear is a carbon with two neighbours, and a nitrogen with
      two, one of which is a carbon or nitrogen bonded to nothing else (azide, diazonium, isonitrile).
    - impropers: one for a centre with three neighbours; for one with four the four triples, which carry the angle–angle
      terms of class 2; none above (PF₆⁻ has angles of 180°, where an improper of class 2 is undefined).

    Parameters
    ----------
    elements
        Chemical symbol of each of the N atoms.
    bonds
        Bonded atoms in any order, ``shape=(B, 2)``; a bond given twice counts once.
    formal_charges
        Formal charge of each atom [e], ``shape=(N,)``; zero where not given.
    names
        Name of each molecule, in the order of their first atoms; the formula where not given.

    Raises
    ------
    InputError
        If an element is unknown, a bond names a missing atom or one atom twice, or charges or names do not fit.
    """
    n_atoms = len(elements)
    _check_elements(elements)
    bonds = _check_bonds(bonds, n_atoms)
    charges = np.zeros(n_atoms, dtype=int) if formal_charges is None else np.asarray(formal_charges)
    if charges.shape != (n_atoms,) or not np.array_equal(charges, np.round(charges)):
        raise InputError(f"formal_charges is {charges.tolist()}; expected an integer for each of {n_atoms} atoms")
    groups = find_molecules(n_atoms, bonds)
    molecules = np.empty(n_atoms, dtype=int)
    for number, group in enumerate(groups):
        molecules[group] = number
    if names is None:
        names = [formula_of(elements[atom] for atom in group) for group in groups]
    if len(names) != len(groups):
        raise InputError(f"names has {len(names)} entries; expected one for each of {len(groups)} molecules")
    neighbours = _list_neighbours(n_atoms, bonds)
    is_twistable = [
        len(around) <= 4 and not _is_linear(atom, elements, neighbours) for atom, around in enumerate(neighbours)
    ]
    return Topology(
        elements=tuple(elements),
        formal_charges=charges.astype(int),
        molecules=molecules,
        names=tuple(names),
        bonds=bonds,
        angles=_rows(
            3, ((i, j, k) for j, around in enumerate(neighbours) for i, k in itertools.combinations(around, 2))
        ),
        dihedrals=_rows(
            4,
            (
                (i, j, k, m)
                for j, k in bonds.tolist()
                if is_twistable[j] and is_twistable[k]
                for i in neighbours[j]
                for m in neighbours[k]
                if i not in (k, m) and m != j
            ),
        ),
        impropers=_rows(
            4,
            (
                (i, j, k, m)
                for j, around in enumerate(neighbours)
                if len(around) <= 4
                for i, k, m in itertools.combinations(around, 3)
            ),
        ),
    )


def topology_from_smiles(smiles: str, name: str | None = None) -> Topology:
    """Read molecules from SMILES, with all hydrogens; parts between dots are molecules of their own.

    Parameters
    ----------
    smiles
        As ``COCCOC`` or ``COCCOC.[Li+]``; atoms keep its order, hydrogens follow.
    name
        Name of the one molecule; canonical SMILES of each part where not given.

    Raises
    ------
    InputError
        If RDKit cannot read it, a valence is impossible, or one name is given for several molecules.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles, sanitize=False)
        if molecule is None or not molecule.GetNumAtoms():
            raise InputError(f"SMILES {smiles!r} cannot be read; expected one of a molecule, as 'COCCOC'")
        problems = Chem.DetectChemistryProblems(molecule)
        if problems:
            raise InputError(
                f"SMILES {smiles!r} is not a molecule ({problems[0].Message().strip()}); expected possible valences"
            )
        Chem.SanitizeMol(molecule)
        parts = Chem.GetMolFrags(molecule, asMols=True)
        names = [Chem.MolToSmiles(part) for part in parts]
        if has_unpaired_electrons(molecule):
            raise InputError(f"SMILES {smiles!r} has unpaired electrons; expected closed shells; add the hydrogens")
        molecule = Chem.AddHs(molecule)
    if name is not None:
        if len(parts) > 1:
            raise InputError(f"name {name!r} is given for {len(parts)} molecules of {smiles!r}; expected one; split it")
        names = [name]
    return topology_from_bonds(
        [atom.GetSymbol() for atom in molecule.GetAtoms()],
        [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()],
        [atom.GetFormalCharge() for atom in molecule.GetAtoms()],
        names,
    )


def has_unpaired_electrons(molecule: Any) -> bool:
    """Tell whether one of the atoms of RDKit's molecule has them; of a lone ion RDKit does not know."""
    return any(
        atom.GetNumRadicalElectrons()
        for atom in molecule.GetAtoms()
        if atom.GetDegree() or atom.GetTotalNumHs() or not atom.GetFormalCharge()
    )


def renumber(topology: Topology, order: Sequence[int] | np.ndarray) -> Topology:
    """Return a topology with its atoms in another order.

    Parameters
    ----------
    topology
        The topology, left as it is.
    order
        Its atom at each new place, ``shape=(N,)``, as in ``atoms[order]`` of ASE.

    Raises
    ------
    InputError
        If ``order`` is not a permutation.
    """
    order = np.asarray(order)
    if not np.array_equal(np.sort(order), np.arange(len(topology.elements))):
        raise InputError(f"order is not a permutation of {len(topology.elements)} atoms; expected each once")
    molecules = dict.fromkeys(topology.molecules[order].tolist())
    return topology_from_bonds(
        [topology.elements[atom] for atom in order],
        np.argsort(order)[topology.bonds],
        topology.formal_charges[order],
        [topology.names[molecule] for molecule in molecules],
    )


def join(topologies: Sequence[Topology], counts: Sequence[int] | None = None) -> Topology:
    """Put topologies behind each other.

    Parameters
    ----------
    topologies
        At least one.
    counts
        How many of each, copies next to each other; one where not given.

    Raises
    ------
    InputError
        If there is none, or the counts are not a positive integer for each.
    """
    counts = [1] * len(topologies) if counts is None else counts
    if not topologies or len(counts) != len(topologies) or any(int(count) != count or count < 1 for count in counts):
        raise InputError(
            f"counts is {list(counts)} for {len(topologies)} topologies; expected at least one, and a positive integer "
            "for each"
        )
    copies = [topology for topology, count in zip(topologies, counts, strict=True) for _ in range(int(count))]
    first_atoms = np.cumsum([0, *(len(one.elements) for one in copies)])
    first_molecules = np.cumsum([0, *(len(one.names) for one in copies)])

    def stack(field: str, first: Iterable[int]) -> np.ndarray:
        return np.concatenate([getattr(one, field) + shift for one, shift in zip(copies, first, strict=False)])

    return Topology(
        elements=tuple(itertools.chain.from_iterable(one.elements for one in copies)),
        formal_charges=np.concatenate([one.formal_charges for one in copies]),
        molecules=stack("molecules", first_molecules),
        names=tuple(itertools.chain.from_iterable(one.names for one in copies)),
        bonds=stack("bonds", first_atoms),
        angles=stack("angles", first_atoms),
        dihedrals=stack("dihedrals", first_atoms),
        impropers=stack("impropers", first_atoms),
    )


def _check_elements(elements: Sequence[str]) -> None:
    if not elements or not are_elements(elements):
        others = ", ".join(sorted({str(symbol) for symbol in elements if not are_elements([symbol])})) or "none"
        raise InputError(f"elements has {others}; expected chemical symbols of at least one atom; correct them")


def _check_bonds(bonds: Sequence[Sequence[int]] | np.ndarray, n_atoms: int) -> np.ndarray:
    """Return each bond once, ascending."""
    pairs = np.asarray(bonds, dtype=int).reshape(-1, 2)
    wrong = pairs[((pairs < 0) | (pairs >= n_atoms)).any(axis=1) | (pairs[:, 0] == pairs[:, 1])]
    if len(wrong):
        raise InputError(
            f"bond {tuple(wrong[0].tolist())} is invalid; expected two different atoms of 0 … {n_atoms - 1}"
        )
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _list_neighbours(n_atoms: int, bonds: np.ndarray) -> list[list[int]]:
    neighbours: list[list[int]] = [[] for _ in range(n_atoms)]
    for i, j in bonds.tolist():
        neighbours[i].append(j)
        neighbours[j].append(i)
    return [sorted(around) for around in neighbours]


def _is_linear(atom: int, elements: Sequence[str], neighbours: Sequence[Sequence[int]]) -> bool:
    if len(neighbours[atom]) != 2:
        return False
    ends = {elements[near] for near in neighbours[atom] if len(neighbours[near]) == 1}
    return elements[atom] == "C" or (elements[atom] == "N" and not ends.isdisjoint({"C", "N"}))


def _rows(width: int, rows: Iterable[tuple[int, ...]]) -> np.ndarray:
    """Return rows, ascending."""
    return np.array(sorted(rows), dtype=int).reshape(-1, width)
