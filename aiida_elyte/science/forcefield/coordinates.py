"""Internal coordinates of a cluster, those that its types name."""

import numpy as np
import torch
from torch import Tensor

from aiida_elyte.science.forcefield.internal import InternalCoordinates
from aiida_elyte.science.forcefield.terms.nonbonded import nonbonded_pairs
from aiida_elyte.science.molecules.topology import Topology
from aiida_elyte.science.molecules.typing import Types

__all__ = ["describe_coordinates"]


def describe_coordinates(topology: Topology, types: Types, positions: np.ndarray | Tensor) -> InternalCoordinates:
    """Compute the coordinates of all rows and pairs of a cluster, ``positions`` of ``shape=(F, N, 3)`` [Å]."""
    return InternalCoordinates(
        torch.as_tensor(positions, dtype=torch.float64),
        bonds=types.bonds.rows,
        angles=types.angles.rows,
        dihedrals=types.dihedrals.rows,
        impropers=types.impropers.rows,
        pairs=nonbonded_pairs(len(topology.elements), topology.bonds),
    )
