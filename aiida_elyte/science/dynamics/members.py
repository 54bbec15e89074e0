"""The potentials that drive replicas, and the forces they exert."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import torch

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.settings import MdSettings
from aiida_elyte.science.potentials.potential import Potential

__all__ = ["forces_of_members"]


def forces_of_members(
    potentials: Mapping[str, Potential], settings: MdSettings, numbers: Iterable[int]
) -> dict[str, Callable[[], Forces]]:
    """Return what builds an evaluation of each potential's forces, by name.

    Each evaluation keeps neighbour lists of its own; the weights are shared.

    Parameters
    ----------
    potentials
        Members by name.
    settings
        Settings of the run.
    numbers
        Atomic numbers of what will be run.

    Raises
    ------
    InputError
        If there is no potential, or one lacks an element.
    """
    if not potentials:
        raise InputError("the job's folder holds no potential; expected one file a member, as m00.pt")
    for potential in potentials.values():
        potential.require_elements(numbers)
    stress = settings.ensemble == "npt_nose_hoover"

    def build(potential: Potential) -> Forces:
        renew = partial(potential.model, stress=stress)
        # Positions reach the model in double precision, whatever that of its weights: differences of large ones.
        return Forces(renew(), torch.float64, renew)

    return {name: partial(build, potential) for name, potential in potentials.items()}
