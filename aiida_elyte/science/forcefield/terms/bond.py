"""Quartic bonds."""

from typing import ClassVar

import torch
from torch import Tensor

from aiida_elyte.science.forcefield.terms.quartic import quartic, quartic_parameters, quartic_slope
from aiida_elyte.science.forcefield.terms.term import Parameter, Term

__all__ = ["Bond"]


class Bond(Term):
    """E = k2 d² + k3 d³ + k4 d⁴ with d = r − r0."""

    rows = "bonds"
    parameters: ClassVar[tuple[Parameter, ...]] = quartic_parameters("r0", "Å")

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        (r,) = coordinates
        r0, k2, k3, k4 = parameters
        return quartic(r - r0, k2, k3, k4)

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        (r,) = coordinates
        r0, k2, k3, k4 = parameters
        return torch.stack([quartic_slope(r - r0, k2, k3, k4)])
