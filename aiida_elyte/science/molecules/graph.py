"""Molecules as the connected parts of a graph of bonds; apart from the readers, so that few need these."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["find_molecules", "group_by_label", "molecule_of_atoms"]


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
    return group_by_label(connected_components(graph, directed=False)[1])


def molecule_of_atoms(n_atoms: int, bonds: np.ndarray) -> np.ndarray:
    """Return the number of the molecule of each atom, in the order of ``find_molecules``, shape ``(n_atoms,)``.

    Parameters
    ----------
    n_atoms, bonds
        As in ``find_molecules``.
    """
    numbers = np.empty(n_atoms, dtype=int)
    for number, atoms in enumerate(find_molecules(n_atoms, bonds)):
        numbers[atoms] = number
    return numbers


def group_by_label(labels: np.ndarray) -> list[np.ndarray]:
    """Return the places of each label, ascending, groups in the order of their first places.

    Parameters
    ----------
    labels
        Label of each place, shape ``(n,)``.
    """
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return sorted(groups, key=lambda group: int(group[0]))
