"""How far the members of an ensemble of force fields disagree about labelled or unlabelled frames."""

from collections.abc import Sequence

import numpy as np

from aiida_elyte.science.forcefield.dataset import System
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.statistics.spread import ForceSpread
from aiida_elyte.science.statistics.spread import force_spread as spread_of_members

__all__ = ["committee_spread"]


def committee_spread(force_fields: Sequence[ForceField], systems: Sequence[System]) -> dict[str, list[ForceSpread]]:
    """Compute the committee spread of the forces on each atom of each frame [kcal/mol/Å].

    It is that of ``learning.uncertainty``: the standard deviation of the force vector over the members.

    Parameters
    ----------
    force_fields
        Members of the ensemble, such as fits with another bootstrap each.
    systems
        Clusters; their labels are not looked at.

    Returns
    -------
    dict
        Name of each system → the spread of each of its frames.

    Raises
    ------
    InputError
        For fewer than two members, or when a member lacks types.
    """
    spreads = {}
    for system in systems:
        members = np.array(
            [
                each.forces(own.topology, own.types, own.coordinates).numpy()
                for each, own in ((each, system.retyped(each.depth)) for each in force_fields)
            ]
        )
        spreads[system.name] = [spread_of_members(members[:, frame]) for frame in range(len(system.forces))]
    return spreads
