"""Bonds that a geometry has torn."""

import numpy as np

from aiida_elyte.science.molecules.bond_lengths import LONGEST, sums_of_radii
from aiida_elyte.science.molecules.topology import Topology

__all__ = ["find_broken_bond", "find_broken_bonds"]


def find_broken_bonds(positions: np.ndarray, topology: Topology) -> dict[int, str]:
    """Name, in each frame that has a broken bond, the one that is stretched most.

    Parameters
    ----------
    positions
        Positions [Å], molecules whole, ``shape=(F, N, 3)``.
    topology
        Molecules.

    Returns
    -------
    dict of int, str
        By number of the frame; frames without a broken bond are not among them.
    """
    if not len(topology.bonds):
        return {}
    first, second = topology.bonds.T
    lengths = np.linalg.norm(positions[:, first] - positions[:, second], axis=2)
    stretch = lengths / sums_of_radii(topology.elements, topology.bonds)
    found = {}
    for frame in np.flatnonzero((stretch > LONGEST).any(axis=1)).tolist():
        worst = int(np.argmax(stretch[frame]))
        ends = "–".join(f"{topology.elements[atom]}{atom}" for atom in topology.bonds[worst].tolist())
        found[frame] = f"bond {ends} is {lengths[frame, worst]:.2f} Å long"
    return found


def find_broken_bond(positions: np.ndarray, topology: Topology) -> str | None:
    """Name the broken bond of one frame, ``shape=(N, 3)``, ``None`` where all are whole."""
    return find_broken_bonds(positions[None], topology).get(0)
