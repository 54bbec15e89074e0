"""Signs that a replica has left the physics its potential knows."""

from dataclasses import dataclass

import numpy as np
from ase.data import covalent_radii

from aiida_elyte.science.contact import closest_of

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

    finder = NeighborList(cutoff=float(2.0 * (factor * covalent_radii[numbers]).max()), full_list=False)
    contact = closest_of(numbers, *finder.compute(positions, cell, True, quantities="ijd"))
    if contact is None or contact.factor >= factor:
        return None
    first, second = contact.pair
    limit = factor * contact.radii
    return f"{first} and {second} are {contact.distance:.2f} Å apart; the limit is {limit:.2f} Å"
