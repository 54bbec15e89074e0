"""Three-fold torsions, coupled to their bonds and angles."""

import torch
from torch import Tensor

from aiida_elyte.science.forcefield.terms.term import Parameter, Term

__all__ = ["Dihedral"]


class Dihedral(Term):
    r"""Torsion, middle-bond, end-bond, angle, angle–angle and bond–bond-1–3 terms.

    .. math::

        E = \sum_{n=1}^3 K_n [1 - \cos(n \varphi - \varphi_n)]
            + \sum_{n=1}^3 W_n \cos n \varphi + M t_1 t_2 \cos \varphi + N d_1 d_3

        W_n = A_n d_2 + B_n d_1 + C_n d_3 + D_n t_1 + E_n t_2

    with d1 = r_ij − r1, d2 = r_jk − r2, d3 = r_kl − r3, t1 = θ_ijk − θ1, t2 = θ_jkl − θ2: one set of references serves
    all couplings.
    """

    rows = "dihedrals"
    parameters = (
        *(Parameter(f"{name}{n}", unit) for n in (1, 2, 3) for name, unit in (("K", "kcal/mol"), ("phi", "rad"))),
        *(Parameter(f"{letter}{n}", "kcal/mol/Å") for letter in "ABC" for n in (1, 2, 3)),
        *(Parameter(f"{letter}{n}", "kcal/mol/rad") for letter in "DE" for n in (1, 2, 3)),
        Parameter("M", "kcal/mol/rad²"),
        Parameter("N", "kcal/mol/Å²"),
        *(Parameter(f"r{n}", "Å") for n in (1, 2, 3)),
        *(Parameter(f"theta{n}", "rad") for n in (1, 2)),
    )

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        d1, d2, d3, t1, t2, phi = _displacements(coordinates, parameters)
        m, n = parameters[21:23]
        cosines, sines = _multiples(phi)
        total = m * t1 * t2 * cosines[0] + n * d1 * d3
        for fold, (cosine, sine) in enumerate(zip(cosines, sines, strict=True)):
            k, phase = parameters[2 * fold : 2 * fold + 2]
            a, b, c, d, e = parameters[6 + fold : 21 : 3]
            total = total + k * (1 - cosine * phase.cos() - sine * phase.sin())
            total = total + (a * d2 + b * d1 + c * d3 + d * t1 + e * t2) * cosine
        return total

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        d1, d2, d3, t1, t2, phi = _displacements(coordinates, parameters)
        m, n = parameters[21:23]
        cosines, sines = _multiples(phi)
        on_d1, on_d2, on_d3 = n * d3, torch.zeros_like(phi), n * d1
        on_t1, on_t2 = m * t2 * cosines[0], m * t1 * cosines[0]
        on_phi = -m * t1 * t2 * sines[0]
        for fold, (cosine, sine) in enumerate(zip(cosines, sines, strict=True)):
            k, phase = parameters[2 * fold : 2 * fold + 2]
            a, b, c, d, e = parameters[6 + fold : 21 : 3]
            on_d1, on_d2, on_d3 = on_d1 + b * cosine, on_d2 + a * cosine, on_d3 + c * cosine
            on_t1, on_t2 = on_t1 + d * cosine, on_t2 + e * cosine
            torsion = k * (sine * phase.cos() - cosine * phase.sin())
            on_phi = on_phi + (fold + 1) * (torsion - (a * d2 + b * d1 + c * d3 + d * t1 + e * t2) * sine)
        return torch.stack([on_d1, on_d2, on_d3, on_t1, on_t2, on_phi])


def _displacements(coordinates: Tensor, parameters: Tensor) -> tuple[Tensor, ...]:
    """Return d1, d2, d3, t1, t2 and φ."""
    return *(coordinates[:5] - parameters[23:].unsqueeze(1)), coordinates[5]


def _multiples(phi: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return cos nφ and sin nφ for n = 1, 2, 3."""
    cosine, sine = phi.cos(), phi.sin()
    cosines = [cosine, 2 * cosine**2 - 1, cosine * (4 * cosine**2 - 3)]
    return cosines, [sine, 2 * sine * cosine, sine * (4 * cosine**2 - 1)]
