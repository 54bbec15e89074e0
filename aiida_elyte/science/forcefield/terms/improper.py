"""Out-of-plane angles, and angles at one centre coupled to each other."""

import torch
from torch import Tensor

from aiida_elyte.science.forcefield.terms.term import Parameter, Term

__all__ = ["Improper"]


class Improper(Term):
    """Out-of-plane and angle–angle terms; the second atom is the centre.

    E = K (χ − χ0)² + M1 t1 t3 + M2 t1 t2 + M3 t2 t3 with t1 = θ_ijk − θ1, t2 = θ_ijl − θ2, t3 = θ_kjl − θ3.
    χ is signed: K is for planar centres, with χ0 = 0.
    """

    rows = "impropers"
    parameters = (
        Parameter("K", "kcal/mol/rad²"),
        Parameter("chi0", "rad"),
        *(Parameter(f"M{n}", "kcal/mol/rad²") for n in (1, 2, 3)),
        *(Parameter(f"theta{n}", "rad") for n in (1, 2, 3)),
    )

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        k, chi0, m1, m2, m3 = parameters[:5]
        x = coordinates[0] - chi0
        t1, t2, t3 = coordinates[1:] - parameters[5:].unsqueeze(1)
        return k * x**2 + m1 * t1 * t3 + m2 * t1 * t2 + m3 * t2 * t3

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        k, chi0, m1, m2, m3 = parameters[:5]
        x = coordinates[0] - chi0
        t1, t2, t3 = coordinates[1:] - parameters[5:].unsqueeze(1)
        return torch.stack([2 * k * x, m1 * t3 + m2 * t2, m2 * t1 + m3 * t3, m1 * t1 + m3 * t2])
