"""Nosé–Hoover chains, one a replica, and the splitting that integrates them."""

import numpy as np
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
        self.time_fs = time_fs
        # A chain is a hundred operations on a handful of numbers: numpy does them faster than any device launches them.
        self.n_dof = n_dof.cpu()
        self.positions = torch.zeros(len(n_dof), CHAIN_LENGTH, dtype=torch.float64)
        """ξ, on the CPU, shape ``(S, M)``."""
        self.velocities = torch.zeros_like(self.positions)
        """v [1/fs], on the CPU, shape ``(S, M)``."""

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
        kinetic, n_dof = twice_kinetic.cpu().numpy(), self.n_dof.numpy()
        v = list(self.velocities.numpy().T)
        scale = np.ones_like(kinetic)
        rate = 1.0 / self.time_fs**2
        heavy = rate / (n_dof * self.kT)
        last = CHAIN_LENGTH - 1

        def kick(j: int, quarter: float) -> None:
            if j == 0:
                acceleration = kinetic * scale * scale * heavy - rate
            elif j == 1:
                acceleration = v[0] * v[0] * n_dof - rate
            else:
                acceleration = v[j - 1] * v[j - 1] - rate
            if j == last:
                v[j] = v[j] + quarter * acceleration
            else:
                drag = np.exp(-0.5 * quarter * v[j + 1])
                v[j] = (v[j] * drag + quarter * acceleration) * drag

        for weight in SUZUKI_YOSHIDA:
            quarter = 0.25 * weight * timestep_fs
            for j in reversed(range(CHAIN_LENGTH)):
                kick(j, quarter)
            scale = scale * np.exp(-2.0 * quarter * v[0])
            self.positions += torch.from_numpy(2.0 * quarter * np.stack(v, axis=1))
            for j in range(CHAIN_LENGTH):
                kick(j, quarter)
        self.velocities = torch.from_numpy(np.stack(v, axis=1))
        return torch.from_numpy(scale).to(twice_kinetic.device)

    @property
    def energy(self) -> Tensor:
        """The chains' part of the conserved quantity, on the CPU: Σ ½ Q v² + g k T ξ₁ + k T Σ ξⱼ [eV], ``(S,)``."""
        weights = torch.ones_like(self.positions)
        weights[:, 0] = self.n_dof
        kinetic = 0.5 * self.kT * self.time_fs**2 * self.velocities**2
        return (weights * (kinetic + self.kT * self.positions)).sum(dim=1)
