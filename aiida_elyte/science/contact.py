"""The two atoms of a structure that are nearest, measured by their covalent radii."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.neighborlist import neighbor_list

__all__ = ["CONTACT_CUTOFF_A", "Contact", "closest_contact", "closest_of", "shortest_distances", "shortest_of"]

CONTACT_CUTOFF_A = 4.0
"""Atoms farther apart are no contact [Å]."""


@dataclass(frozen=True)
class Contact:
    """Two atoms near each other."""

    pair: tuple[str, str]
    """Symbol and index of each atom, e.g. ``("Li3", "S12")``."""
    distance: float
    """Their distance [Å]."""
    radii: float
    """Sum of their covalent radii [Å]."""

    @property
    def factor(self) -> float:
        """Distance over the sum of the covalent radii [1]."""
        return self.distance / self.radii

    def __str__(self) -> str:
        first, second = self.pair
        return f"{first} and {second} are {self.distance:.3f} Å apart ({self.factor:.2f} of their covalent radii)"


def closest_contact(atoms: Atoms, within: float = 1.0) -> Contact | None:
    """Return the pair of atoms whose distance over the sum of covalent radii is smallest, periodic images included.

    Parameters
    ----------
    atoms
        Structure with finite coordinates.
    within
        Pairs farther apart than this many sums of covalent radii [1] are not looked for.

    Returns
    -------
    Contact or None
        ``None`` when no pair is that near.

    Notes
    -----
    Covalent radii of Cordero et al., Dalton Trans. 2832 (2008), doi:10.1039/b801115j.
    """
    return closest_of(atoms.numbers, *neighbor_list("ijd", atoms, within * covalent_radii[atoms.numbers]))


def closest_of(numbers: np.ndarray, first: np.ndarray, second: np.ndarray, distances: np.ndarray) -> Contact | None:
    """Return the pair whose distance over the sum of covalent radii is smallest, ``None`` where there is no pair.

    Parameters
    ----------
    numbers
        Atomic numbers, shape ``(n_atoms,)``.
    first, second
        Atoms of each pair, shape ``(n_pairs,)``.
    distances
        Their distances [Å], shape ``(n_pairs,)``.
    """
    if not len(distances):
        return None
    radii = covalent_radii[numbers][first] + covalent_radii[numbers][second]
    nearest = int(np.argmin(distances / radii))
    pair = tuple(f"{chemical_symbols[numbers[i]]}{i}" for i in sorted((first[nearest], second[nearest])))
    return Contact((pair[0], pair[1]), float(distances[nearest]), float(radii[nearest]))


def shortest_distances(atoms: Atoms, cutoff_A: float) -> dict[str, float]:
    """Return the shortest distance of each pair of elements, periodic images included.

    Parameters
    ----------
    atoms
        Structure with finite coordinates.
    cutoff_A
        Pairs farther apart are not looked for [Å].

    Returns
    -------
    dict
        Pair of elements in alphabetical order, as ``Li-S`` → distance [Å]; a pair beyond the cutoff is left out.
    """
    return shortest_of(atoms.numbers, *neighbor_list("ijd", atoms, cutoff_A))


def shortest_of(numbers: np.ndarray, first: np.ndarray, second: np.ndarray, distances: np.ndarray) -> dict[str, float]:
    """Return the shortest distance of each pair of elements among pairs of atoms; as ``shortest_distances``.

    Parameters
    ----------
    numbers, first, second, distances
        As in ``closest_of``.
    """
    species, codes = np.unique(numbers, return_inverse=True)
    low, high = np.sort([codes[first], codes[second]], axis=0)
    shortest = np.full((len(species), len(species)), np.inf)
    np.minimum.at(shortest, (low, high), distances)
    names = [chemical_symbols[number] for number in species]
    return {
        "-".join(sorted((names[one], names[other]))): float(shortest[one, other])
        for one, other in np.argwhere(np.isfinite(shortest))
    }
