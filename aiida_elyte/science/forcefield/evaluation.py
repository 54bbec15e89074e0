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
        family = type(self.term).__name__
        names = [each.name for each in self.term.parameters]
        if self.parameters.dim() != 2 or self.parameters.shape[1] != len(names):
            raise InputError(
                f"parameters of {family} has shape {tuple(self.parameters.shape)}; expected (n_types, {len(names)}); "
                f"give {', '.join(names)} for each type"
            )
        width = "" if self.term.types_per_row == 1 else f" {self.term.types_per_row}"
        if self.types.shape[1:].numel() != self.term.types_per_row or self.types.dim() > 2:
            raise InputError(
                f"types of {family} has shape {tuple(self.types.shape)}; expected (n_rows,{width}); "
                f"give {self.term.types_per_row} a row"
            )
        if self.types.numel() and not 0 <= self.types.min() <= self.types.max() < len(self.parameters):
            raise InputError(
                f"types of {family} runs from {self.types.min()} to {self.types.max()}; expected 0 to "
                f"{len(self.parameters) - 1}; count from 0, and give parameters for each type"
            )


def energies(coordinates: InternalCoordinates, interactions: Sequence[Interaction]) -> Tensor:
    """Compute the energy of each family in each frame [kcal/mol], shape ``(n_interactions, F)``.

    Raises
    ------
    InputError
        If a family has more or fewer types than there are rows.
    """
    return torch.stack([each.term.energy(*_rows(coordinates, each)).sum(1) for each in interactions])


def forces(coordinates: InternalCoordinates, interactions: Sequence[Interaction]) -> Tensor:
    """Compute the forces of all families together [kcal/mol/Å], shape ``(F, N, 3)``.

    They are differentiable by the parameters, at the price of one backward pass.

    Raises
    ------
    InputError
        If a family has more or fewer types than there are rows.
    """
    slopes: dict[str, Tensor] = {}
    for each in interactions:
        slope = each.term.slopes(*_rows(coordinates, each))
        slopes[each.term.rows] = slopes[each.term.rows] + slope if each.term.rows in slopes else slope
    return coordinates.forces(slopes)


def _rows(coordinates: InternalCoordinates, interaction: Interaction) -> tuple[Tensor, Tensor]:
    """Return coordinates and parameters of each row."""
    term, types = interaction.term, interaction.types
    n_rows = len(coordinates.rows[term.rows])
    if len(types) != n_rows:
        raise InputError(
            f"types of {type(term).__name__} has {len(types)} rows; expected {n_rows}, as there are {term.rows}; "
            "give the types of the rows that the coordinates were made with"
        )
    return coordinates.values(term.rows), term.gather(interaction.parameters, types)
