"""Nosé–Hoover chains, one a replica, and the splitting that integrates them."""

import torch
from torch import Tensor

from aiida_elyte.science.dynamics.replicas import PerReplica
from aiida_elyte.units import BOLTZMANN_EV_K

__all__ = ["CHAIN_LENGTH", "NoseHooverChain"]

CHAIN_LENGTH = 3
"""Thermostats in a chain."""

_W1 = 1.0 / (2.0 - 2.0 ** (1.0 / 3.0))
SUZUKI_YOSHIDA = (_W1, 1.0 - 2.0 * _W1, _W1)
"""Weights of the fourth-order splitting."""


class NoseHooverChain(PerReplica):
    r"""A chain of ``M`` thermostats on each replica.

    .. math::
        \dot\xi_j = v_j, \quad Q_1 \dot v_1 = \sum m v^2 - g k T - Q_1 v_1 v_2, \quad
        Q_j \dot v_j = Q_{j-1} v_{j-1}^2 - k T - Q_j v_j v_{j+1}

    with the masses :math:`Q_1 = g k T \tau^2` and :math:`Q_j = k T \tau^2`. What it thermostats slows down by
    :math:`-v_1` times its own velocity.

    Parameters
    ----------
    n_dof
        Degrees of freedom ``g`` under the thermostat, shape ``(S,)``.
    temperature_K
        Temperature ``T`` [K].
    time_fs
        Time ``τ`` on which the chain answers [fs].

    References
    ----------
    Martyna, Tuckerman, Tobias, Klein, Mol. Phys. 87, 1117 (1996), DOI 10.1080/00268979600100761.
    """

    rows = ("positions", "velocities", "n_dof")

    def __init__(self, n_dof: Tensor, temperature_K: float, time_fs: float) -> None:
        self.kT = BOLTZMANN_EV_K * temperature_K
        self.n_dof = n_dof
        self.time_fs = time_fs
        self.positions = torch.zeros(len(n_dof), CHAIN_LENGTH, dtype=torch.float64, device=n_dof.device)
        """ξ, shape ``(S, M)``."""
        self.velocities = torch.zeros_like(self.positions)
        """v [1/fs], shape ``(S, M)``."""

    def propagate(self, twice_kinetic: Tensor, timestep_fs: float) -> Tensor:
        """Advance the chains over half a time step; return by what the velocities under them are to be scaled.

        Parameters
        ----------
        twice_kinetic
            Σ m v² of what is thermostatted [eV], shape ``(S,)``.
        timestep_fs
            The whole time step [fs].

        Returns
        -------
        Tensor
            Scale of the velocities, shape ``(S,)``.
        """
        inverse = 1.0 / (self.kT * self.time_fs**2)
        v = list(self.velocities.unbind(dim=1))
        scale = torch.ones_like(twice_kinetic)
        heavy = inverse / self.n_dof
        last = CHAIN_LENGTH - 1

        def kick(j: int, quarter: float) -> None:
            if j == 0:
                acceleration = (twice_kinetic * scale * scale - self.n_dof * self.kT) * heavy
            elif j == 1:
                acceleration = v[0] * v[0] * self.n_dof - 1.0 / self.time_fs**2
            else:
                acceleration = v[j - 1] * v[j - 1] - 1.0 / self.time_fs**2
            if j == last:
                v[j] = v[j] + quarter * acceleration
            else:
                drag = torch.exp(-0.5 * quarter * v[j + 1])
                v[j] = (v[j] * drag + quarter * acceleration) * drag

        for weight in SUZUKI_YOSHIDA:
            quarter = 0.25 * weight * timestep_fs
            for j in reversed(range(CHAIN_LENGTH)):
                kick(j, quarter)
            scale = scale * torch.exp(-2.0 * quarter * v[0])
            self.positions += 2.0 * quarter * torch.stack(v, dim=1)
            for j in range(CHAIN_LENGTH):
                kick(j, quarter)
        self.velocities = torch.stack(v, dim=1)
        return scale

    @property
    def energy(self) -> Tensor:
        """The chains' part of the conserved quantity, Σ ½ Q v² + g k T ξ₁ + k T Σ ξⱼ [eV], shape ``(S,)``."""
        weights = torch.ones_like(self.positions)
        weights[:, 0] = self.n_dof
        kinetic = 0.5 * self.kT * self.time_fs**2 * self.velocities**2
        return (weights * (kinetic + self.kT * self.positions)).sum(dim=1)
