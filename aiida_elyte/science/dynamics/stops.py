"""Signs that a replica has left the physics its potential knows."""

from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols, covalent_radii

__all__ = ["Stop", "find_collision"]


@dataclass(frozen=True)
class Stop:
    """Why a replica was given up."""

    kind: str
    """``EXPLODED``, ``COLLIDED``, ``MOLTEN`` or ``UNCERTAIN``."""
    message: str
    """One line with the numbers."""
    step: int
    """Step at which it was seen, 0 being the start of production."""


def find_collision(numbers: np.ndarray, positions: np.ndarray, cell: np.ndarray, factor: float) -> str | None:
    """Describe the pair of atoms that is nearest in terms of its limit, when it is below it.

    Parameters
    ----------
    numbers
        Atomic numbers, shape ``(n_atoms,)``.
    positions
        Positions, wrapped or not [Å], shape ``(n_atoms, 3)``.
    cell
        Rows are the cell vectors [Å], shape ``(3, 3)``.
    factor
        The limit of a pair is this times the sum of its covalent radii.
    """
    from vesin import NeighborList

    radii = factor * covalent_radii[numbers]
    finder = NeighborList(cutoff=float(2.0 * radii.max()), full_list=False)
    i, j, distances = finder.compute(positions, cell, True, quantities="ijd")
    if len(i) == 0:
        return None
    nearest = int(np.argmin(distances / (radii[i] + radii[j])))
    distance, limit = distances[nearest], radii[i[nearest]] + radii[j[nearest]]
    if distance >= limit:
        return None
    names = [f"{chemical_symbols[numbers[atom]]}{atom}" for atom in (int(i[nearest]), int(j[nearest]))]
    return f"{names[0]} and {names[1]} are {distance:.2f} Å apart; the limit is {limit:.2f} Å"
