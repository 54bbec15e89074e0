"""Bonds that a geometry has torn."""

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from aiida_elyte.science.forcefield.topology import Topology

__all__ = ["find_broken_bond", "stretches"]

_TORN = 1.4
"""Bonds longer than this many sums of covalent radii are broken: thermal ones at 400 K reach 1.2."""


def stretches(positions: np.ndarray, topology: Topology) -> np.ndarray:
    """Compute the length of every bond over the sum of the covalent radii of its atoms.

    Parameters
    ----------
    positions
        Positions [Å], molecules whole, ``shape=(..., N, 3)``.
    topology
        Molecules, with B bonds.

    Returns
    -------
    numpy.ndarray
        Ratios [1], ``shape=(..., B)``.
    """
    first, second = topology.bonds.T
    radii = covalent_radii[[atomic_numbers[symbol] for symbol in topology.elements]]
    lengths = np.linalg.norm(positions[..., first, :] - positions[..., second, :], axis=-1)
    return lengths / (radii[first] + radii[second])


def find_broken_bond(positions: np.ndarray, topology: Topology) -> str | None:
    """Name the bond of a frame that is stretched most, if it is broken.

    Parameters
    ----------
    positions
        Positions [Å], molecules whole, ``shape=(N, 3)``.
    topology
        Molecules.
    """
    if not len(topology.bonds):
        return None
    stretch = stretches(positions, topology)
    worst = int(np.argmax(stretch))
    if stretch[worst] <= _TORN:
        return None
    i, j = topology.bonds[worst].tolist()
    length = np.linalg.norm(positions[i] - positions[j])
    return f"bond {topology.elements[i]}{i}–{topology.elements[j]}{j} is {length:.2f} Å long"
