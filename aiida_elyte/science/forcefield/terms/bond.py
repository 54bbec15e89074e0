"""Quartic bonds."""

from typing import ClassVar

import torch
from torch import Tensor

from aiida_elyte.science.forcefield.terms.term import Parameter, Term

__all__ = ["Bond"]


class Bond(Term):
    """E = k2 d² + k3 d³ + k4 d⁴ with d = r − r0."""

    rows = "bonds"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("r0", "Å"),
        Parameter("k2", "kcal/mol/Å²"),
        Parameter("k3", "kcal/mol/Å³"),
        Parameter("k4", "kcal/mol/Å⁴"),
    )

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        (r,) = coordinates
        r0, k2, k3, k4 = parameters
        d = r - r0
        return d**2 * (k2 + d * (k3 + d * k4))

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        (r,) = coordinates
        r0, k2, k3, k4 = parameters
        d = r - r0
        return torch.stack([d * (2 * k2 + d * (3 * k3 + d * 4 * k4))])
