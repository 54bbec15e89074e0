"""How unsure a committee of force fields is of the forces on a cluster."""

from collections.abc import Sequence

import numpy as np

from aiida_elyte.science.forcefield.coordinates import describe_coordinates
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.molecules.topology import Topology
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.science.statistics.spread import ForceSpread, force_spread
from aiida_elyte.units import EV_KCAL_MOL

__all__ = ["committee_spreads"]


def committee_spreads(members: Sequence[ForceField], topology: Topology, positions: np.ndarray) -> list[ForceSpread]:
    """Compute how far members disagree about the forces on frames of one cluster.

    Parameters
    ----------
    members
        At least two force fields.
    topology
        Molecules of the cluster.
    positions
        Positions [Å], ``shape=(F, N, 3)``.

    Returns
    -------
    list of ForceSpread
        One a frame [eV/Å].

    Raises
    ------
    InputError
        If there are fewer than two members, or one lacks types.
    """
    by_member = []
    for member in members:
        types = assign_types(topology, member.depth)
        coordinates = describe_coordinates(topology, types, positions)
        by_member.append(member.forces(topology, types, coordinates).numpy() / EV_KCAL_MOL)
    return [force_spread(forces) for forces in np.stack(by_member, axis=1)]
