"""Atom types from the graph alone, and the types of bonds, angles, dihedrals and impropers made of them."""

import hashlib
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.topology import Topology, charges_of_molecules, list_neighbours

__all__ = ["TypedRows", "Types", "assign_types", "smallest_ring"]


@dataclass(frozen=True)
class TypedRows:
    """Rows of atoms, each with its type; read along the row, atom types follow the key, and so do its parameters."""

    keys: tuple[tuple[str, ...], ...]
    """Atom types of each of the T types, ascending."""
    rows: np.ndarray
    """Atoms of each row in the direction of its key, in the topology's order of rows, ``shape=(R, width)``."""
    types: np.ndarray
    """Type of each row as a place in ``keys``, ``shape=(R,)``."""


@dataclass(frozen=True)
class Types:
    """Types of the atoms of a topology and of its terms."""

    labels: tuple[str, ...]
    """Label of each atom type, ascending."""
    neighbourhoods: dict[str, str]
    """Label → the neighbourhood it stands for, in full."""
    atoms: np.ndarray
    """Type of each atom as a place in ``labels``, ``shape=(N,)``."""
    bonds: TypedRows
    """Bonds: a type and its reverse are one, as for angles and dihedrals."""
    angles: TypedRows
    """Angles, the centre second."""
    dihedrals: TypedRows
    """Dihedrals, along their bonds."""
    impropers: TypedRows
    """Impropers: the centre second, the outer three ascending by type."""


def assign_types(topology: Topology, depth: int = 3) -> Types:
    """Type each atom by its element and neighbourhood, and each term by its atoms.

    A neighbourhood is the tree of paths that leave the atom and never turn back, up to ``depth`` bonds: at each atom
    its element and number of neighbours, branches sorted (the refinement of Weisfeiler and Leman, unfolded). To it come
    the smallest ring through the atom, where ``depth`` bonds reach its far end, and the charge: of a monatomic ion its
    number, of a molecule its sign, so that a chain of n charged units has the types of a longer one. Bond orders and
    the order of atoms do not enter.

    ``N2(S4(C4(F1,F1,F1),O1,O1),S4(C4(F1,F1,F1),O1,O1)); anion`` is the nitrogen of TFSI⁻. A label is element, number of
    neighbours, and the beginning of the SHA-256 of that text, e.g. ``n2_f5399f6a``: the same in every molecule and
    session.

    Where a key is its own reverse, or outer atoms of an improper have one type, the order of the topology decides:
    parameters of such a type must not depend on it.

    Parameters
    ----------
    topology
        Molecules.
    depth
        Bonds that a neighbourhood reaches.

    Raises
    ------
    InputError
        If ``depth`` is not an integer ≥ 0, or two neighbourhoods get one label.

    References
    ----------
    Weisfeiler and Leman, Nauchno-Technicheskaya Informatsia 2(9), 12 (1968).
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 0:
        raise InputError(f"depth is {depth}; expected an integer number of bonds, zero or more")
    texts = _describe(topology, depth)
    label_of = {text: _label(text) for text in set(texts)}
    neighbourhoods = {label: text for text, label in sorted(label_of.items(), key=lambda item: item[1])}
    if len(neighbourhoods) < len(label_of):
        raise InputError("two neighbourhoods get one label; expected one each; choose another depth")
    labels = tuple(neighbourhoods)
    place = {label: number for number, label in enumerate(labels)}
    atoms = np.array([place[label_of[text]] for text in texts], dtype=int)
    return Types(
        labels=labels,
        neighbourhoods=neighbourhoods,
        atoms=atoms,
        bonds=_type_chains(topology.bonds, atoms, labels),
        angles=_type_chains(topology.angles, atoms, labels),
        dihedrals=_type_chains(topology.dihedrals, atoms, labels),
        impropers=_type_impropers(topology.impropers, atoms, labels),
    )


def _describe(topology: Topology, depth: int) -> list[str]:
    """Return the neighbourhood of each atom."""
    neighbours = list_neighbours(topology)
    nodes = [f"{symbol}{len(around)}" for symbol, around in zip(topology.elements, neighbours, strict=True)]
    branches = {(atom, near): nodes[near] for atom, around in enumerate(neighbours) for near in around}
    trees = nodes
    for level in range(depth):
        trees = [
            _tree(nodes[atom], [branches[atom, near] for near in around]) for atom, around in enumerate(neighbours)
        ]
        if level < depth - 1:
            branches = {
                (atom, near): _tree(nodes[near], [branches[near, far] for far in neighbours[near] if far != atom])
                for atom, near in branches
            }
    charges = charges_of_molecules(topology)[topology.molecules]
    texts = []
    for atom, (tree, charge) in enumerate(zip(trees, charges.tolist(), strict=True)):
        marks = [tree]
        ring = smallest_ring(atom, neighbours, depth)
        if ring:
            marks.append(f"ring of {ring}")
        if charge and not neighbours[atom]:
            marks.append(f"charge {charge:+d}")
        elif charge:
            marks.append("cation" if charge > 0 else "anion")
        texts.append("; ".join(marks))
    return texts


def _tree(node: str, branches: Sequence[str]) -> str:
    return f"{node}({','.join(sorted(branches))})" if branches else node


def smallest_ring(start: int, neighbours: Sequence[Sequence[int]], depth: int) -> int | None:
    """Return the size of the smallest ring through an atom, at most 2 ``depth``; ``None`` where there is none.

    ``neighbours`` are those of each atom. An atom is reached first along one branch; a ring closes where another branch
    reaches it too.
    """
    branch_of, distance = {start: start}, {start: 0}
    queue = deque([start])
    smallest: int | None = None
    while queue:
        atom = queue.popleft()
        for near in neighbours[atom]:
            if near not in distance:
                if distance[atom] < depth:
                    distance[near] = distance[atom] + 1
                    branch_of[near] = near if atom == start else branch_of[atom]
                    queue.append(near)
            elif start not in (atom, near) and branch_of[near] != branch_of[atom]:
                size = distance[atom] + distance[near] + 1
                if size <= 2 * depth and (smallest is None or size < smallest):
                    smallest = size
    return smallest


def _label(text: str) -> str:
    element_and_count = re.split("[(;]", text, maxsplit=1)[0].lower()
    return f"{element_and_count}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _type_chains(rows: np.ndarray, atoms: np.ndarray, labels: tuple[str, ...]) -> TypedRows:
    """Turn each row to the lesser of its type and the reverse."""
    keys = atoms[rows]
    backwards = keys[:, ::-1]
    differs = keys != backwards
    place = np.arange(len(rows)), differs.argmax(axis=1)
    is_turned = differs.any(axis=1) & (backwards[place] < keys[place])
    return _collect(np.where(is_turned[:, None], rows[:, ::-1], rows), atoms, labels)


def _type_impropers(rows: np.ndarray, atoms: np.ndarray, labels: tuple[str, ...]) -> TypedRows:
    """Sort the three outer atoms of each row by type; the centre stays second."""
    outer = rows[:, [0, 2, 3]]
    outer = np.take_along_axis(outer, atoms[outer].argsort(axis=1, kind="stable"), axis=1)
    return _collect(np.insert(outer, 1, rows[:, 1], axis=1), atoms, labels)


def _collect(rows: np.ndarray, atoms: np.ndarray, labels: tuple[str, ...]) -> TypedRows:
    keys, types = np.unique(atoms[rows], axis=0, return_inverse=True)
    names = tuple(tuple(labels[place] for place in key) for key in keys.tolist())
    return TypedRows(keys=names, rows=rows, types=types.reshape(-1))
