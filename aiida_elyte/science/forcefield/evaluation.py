"""Energies and forces of a cluster from its terms."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.internal import InternalCoordinates
from aiida_elyte.science.forcefield.terms.term import Term

__all__ = ["Interaction", "energies", "forces"]


@dataclass(frozen=True)
class Interaction:
    """A family of terms with the types of its rows and their parameters."""

    term: Term
    """The family."""
    types: Tensor
    """Type of each row, from 0, shape ``(n,)``; of both atoms where the family has two types a row, ``(n, 2)``."""
    parameters: Tensor
    """Parameters of each type, in order and units of ``term.parameters``, shape ``(T, P)``."""

    def __post_init__(self) -> None:
        names = ", ".join(each.name for each in self.term.parameters)
        if self.parameters.dim() != 2 or self.parameters.shape[1] != len(self.term.parameters):
            raise InputError(
                f"parameters of {type(self.term).__name__} has shape {tuple(self.parameters.shape)}; expected "
                f"(n_types, {len(self.term.parameters)}); give {names} for each type"
            )
        width = () if self.term.types_per_row == 1 else (self.term.types_per_row,)
        if self.types.shape[1:] != width:
            raise InputError(
                f"types of {type(self.term).__name__} has shape {tuple(self.types.shape)}; expected (n_rows, "
                f"{', '.join(map(str, width))}); give {self.term.types_per_row} a row"
            )


def energies(coordinates: InternalCoordinates, interactions: Sequence[Interaction]) -> Tensor:
    """Compute the energy of each family in each frame [kcal/mol], shape ``(n_interactions, F)``."""
    return torch.stack(
        [
            each.term.energy(coordinates.values(each.term.rows), each.term.gather(each.parameters, each.types)).sum(1)
            for each in interactions
        ]
    )


def forces(coordinates: InternalCoordinates, interactions: Sequence[Interaction]) -> Tensor:
    """Compute the forces of all families together [kcal/mol/Å], shape ``(F, N, 3)``.

    They are differentiable by the parameters, at the price of one backward pass.
    """
    slopes: dict[str, Tensor] = {}
    for each in interactions:
        parameters = each.term.gather(each.parameters, each.types)
        slope = each.term.slopes(coordinates.values(each.term.rows), parameters)
        slopes[each.term.rows] = slopes[each.term.rows] + slope if each.term.rows in slopes else slope
    return coordinates.forces(slopes)
