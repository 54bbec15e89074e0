"""Pairs that are not bonded: Lennard-Jones 9–6 and Coulomb, without cutoff."""

import numpy as np
import torch
from torch import Tensor

from aiida_elyte.science.forcefield.terms.term import Parameter, Term

__all__ = ["COULOMB_KCAL_MOL_A", "Coulomb", "LennardJones96", "nonbonded_pairs"]

COULOMB_KCAL_MOL_A = 332.06371
"""e²/4πε₀ as LAMMPS has it in its units ``real`` [kcal Å/mol]."""


class LennardJones96(Term):
    """E = ε [2 (σ/r)⁹ − 3 (σ/r)⁶] with the minimum at σ, mixed by sixth powers.

    σ⁶ = (σ_i⁶ + σ_j⁶)/2 and ε = 2 √(ε_i ε_j) σ_i³ σ_j³ / (σ_i⁶ + σ_j⁶). Gradients by ε need ε > 0.

    References
    ----------
    M. Waldman and A. T. Hagler, J. Comput. Chem. 14, 1077 (1993), doi:10.1002/jcc.540140909
    """

    rows = "pairs"
    parameters = (Parameter("epsilon", "kcal/mol"), Parameter("sigma", "Å"))
    types_per_row = 2

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        (r,) = coordinates
        epsilon, sigma = _mix(parameters)
        cube = (sigma / r) ** 3
        return epsilon * cube**2 * (2 * cube - 3)

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        (r,) = coordinates
        epsilon, sigma = _mix(parameters)
        cube = (sigma / r) ** 3
        return torch.stack([18 * epsilon * cube**2 * (1 - cube) / r])


class Coulomb(Term):
    """E = 332.06371 q_i q_j / r; every atom is a type of its own, with its charge as the parameter."""

    rows = "pairs"
    parameters = (Parameter("q", "e"),)
    types_per_row = 2

    def energy(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        (r,) = coordinates
        q_i, q_j = parameters
        return COULOMB_KCAL_MOL_A * q_i * q_j / r

    def slopes(self, coordinates: Tensor, parameters: Tensor) -> Tensor:  # noqa: D102 - as in Term
        (r,) = coordinates
        q_i, q_j = parameters
        return torch.stack([-COULOMB_KCAL_MOL_A * q_i * q_j / r**2])


def _mix(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Return ε and σ of the pairs."""
    epsilon_i, sigma_i, epsilon_j, sigma_j = parameters
    mean = (sigma_i**6 + sigma_j**6) / 2
    return (epsilon_i * epsilon_j).sqrt() * (sigma_i * sigma_j) ** 3 / mean, mean ** (1 / 6)


def nonbonded_pairs(n_atoms: int, bonds: np.ndarray) -> np.ndarray:
    """Return the pairs of atoms more than two bonds apart, of one molecule or of several, shape ``(n_pairs, 2)``.

    Parameters
    ----------
    n_atoms
        Number of atoms of the cluster.
    bonds
        Bonded atoms, shape ``(n_bonds, 2)``.
    """
    bonded = np.eye(n_atoms, dtype=int)
    first, second = np.asarray(bonds, dtype=int).reshape(-1, 2).T
    bonded[first, second] = bonded[second, first] = 1
    return np.argwhere(np.triu(bonded @ bonded == 0))
