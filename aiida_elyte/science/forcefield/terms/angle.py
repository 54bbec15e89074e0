"""Quartic angles, coupled to their bonds."""

from typing import ClassVar

import torch
from torch import Tensor

from aiida_elyte.science.forcefield.terms.quartic import quartic, quartic_parameters, quartic_slope
from aiida_elyte.science.forcefield.terms.term import Parameter, Term

__all__ = ["Angle"]


class Angle(Term):
    """Angle, bond–bond and bond–angle terms.

    E = k2 t² + k3 t³ + k4 t⁴ + M d1 d2 + (N1 d1 + N2 d2) t with t = θ − θ0, d1 = r_ij − r1, d2 = r_jk − r2.
    """

    rows = "angles"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *quartic_parameters("theta0", "rad"),
        Parameter("M", "kcal/mol/Å²"),
        Parameter("N1", "kcal/mol/Å/rad"),
        Parameter("N2", "kcal/mol/Å/rad"),
        Parameter("r1", "Å"),
        Parameter("r2", "Å"),
    )

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        r_ij, r_jk, theta = coordinates
        theta0, k2, k3, k4, m, n1, n2, r1, r2 = parameters
        t, d1, d2 = theta - theta0, r_ij - r1, r_jk - r2
        return quartic(t, k2, k3, k4) + m * d1 * d2 + (n1 * d1 + n2 * d2) * t

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        r_ij, r_jk, theta = coordinates
        theta0, k2, k3, k4, m, n1, n2, r1, r2 = parameters
        t, d1, d2 = theta - theta0, r_ij - r1, r_jk - r2
        on_theta = quartic_slope(t, k2, k3, k4) + n1 * d1 + n2 * d2
        return torch.stack([m * d2 + n1 * t, m * d1 + n2 * t, on_theta])
