"""Constant pressure and temperature, the cell breathing without changing its shape."""

import torch
from torch import Tensor

from aiida_elyte.science.dynamics.chain import NoseHooverChain
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.integrator import Integrator
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.units import BOLTZMANN_EV_K

__all__ = ["IsotropicNoseHoover"]


class IsotropicNoseHoover(Integrator):
    r"""Martyna–Tobias–Klein dynamics: a breathing cell, Nosé–Hoover chains on particles and on the barostat.

    .. math::
        \dot r = v + u r, \quad \dot v = F/m - \alpha u v - \text{chain}, \quad \dot V = 3 V u, \quad
        W \dot u = \alpha \sum m v^2 - V \operatorname{tr} \sigma - 3 P V - \text{chain}

    with the rate of strain :math:`u`, :math:`\alpha = 1 + 3/g` for :math:`g = 3n - 3` degrees of freedom, the
    stress :math:`\sigma` without its kinetic part and the barostat's mass :math:`W = (g + 3) k T \tau_b^2`. Volumes
    are distributed as :math:`\exp(-[U + P V]/kT)` over fractional coordinates of ``n`` atoms.

    Parameters
    ----------
    temperature_K
        Temperature ``T`` [K].
    pressure
        Pressure ``P`` [eV/Å³].
    thermostat_time_fs
        Time on which the particles' chain answers [fs].
    barostat_time_fs
        Time ``τ_b`` on which the cell and its chain answer [fs].

    References
    ----------
    Martyna, Tobias, Klein, J. Chem. Phys. 101, 4177 (1994), DOI 10.1063/1.467468; integrator of Tuckerman et al.,
    J. Phys. A 39, 5629 (2006), DOI 10.1088/0305-4470/39/19/S18.
    """

    rows = ("chain", "barostat_chain", "strain_rate", "alpha", "inertia")

    def __init__(
        self,
        replicas: Replicas,
        timestep_fs: float,
        temperature_K: float,
        pressure: float,
        thermostat_time_fs: float,
        barostat_time_fs: float,
    ) -> None:
        super().__init__(replicas, timestep_fs)
        n_dof = replicas.n_dof
        self.pressure = pressure
        self.alpha = 1.0 + 3.0 / n_dof
        self.inertia = (n_dof + 3.0) * BOLTZMANN_EV_K * temperature_K * barostat_time_fs**2
        """Barostat's mass ``W`` [eV fs²], shape ``(S,)``."""
        self.strain_rate = torch.zeros_like(n_dof)
        """Rate of strain ``u`` [1/fs], shape ``(S,)``."""
        self.chain = NoseHooverChain(n_dof, temperature_K, thermostat_time_fs)
        self.barostat_chain = NoseHooverChain(torch.ones_like(n_dof), temperature_K, barostat_time_fs)

    def step(self, replicas: Replicas, forces: Forces) -> None:
        """Advance the replicas by one time step."""
        self._thermostat(replicas)
        self._push(replicas)
        self._kick_and_drag(replicas)
        self._drift_and_strain(replicas)
        forces(replicas)
        self._kick_and_drag(replicas)
        self._push(replicas)
        self._thermostat(replicas)

    def _thermostat(self, replicas: Replicas) -> None:
        """Let both chains act for half a step."""
        self.strain_rate = self.strain_rate * self.barostat_chain.propagate(
            self.inertia * self.strain_rate**2, self.timestep_fs
        )
        scale = self.chain.propagate(replicas.twice_kinetic, self.timestep_fs)
        replicas.velocities *= replicas.of_atoms(scale[:, None])

    def _push(self, replicas: Replicas) -> None:
        """Let the pressure act on the rate of strain for half a step."""
        trace = replicas.stress.diagonal(dim1=1, dim2=2).sum(dim=1)
        push = self.alpha * replicas.twice_kinetic - replicas.volume * (trace + 3.0 * self.pressure)
        self.strain_rate = self.strain_rate + 0.5 * self.timestep_fs * push / self.inertia

    def _kick_and_drag(self, replicas: Replicas) -> None:
        """Solve v' = F/m − α u v exactly for half a step; sinh(x)/x does not divide by a rate of zero."""
        x = 0.25 * self.timestep_fs * self.alpha * self.strain_rate
        drag = torch.exp(-x)
        replicas.velocities *= replicas.of_atoms((drag * drag)[:, None])
        reach = 0.5 * self.timestep_fs * drag * _sinhc(x)
        replicas.velocities += replicas.of_atoms(reach[:, None]) * replicas.forces * replicas.inverse_inertia

    def _drift_and_strain(self, replicas: Replicas) -> None:
        """Solve r' = v + u r and V' = 3 u V exactly for a whole step."""
        x = 0.5 * self.timestep_fs * self.strain_rate
        stretch = torch.exp(x)
        reach = self.timestep_fs * stretch * _sinhc(x)
        replicas.positions *= replicas.of_atoms((stretch * stretch)[:, None])
        replicas.positions += replicas.of_atoms(reach[:, None]) * replicas.velocities
        replicas.cells *= (stretch * stretch)[:, None, None]

    def conserved(self, replicas: Replicas) -> Tensor:
        """Return the energy of replicas, chains, barostat and the work against the pressure [eV], shape ``(S,)``."""
        barostat = 0.5 * self.inertia * self.strain_rate**2 + self.pressure * replicas.volume
        chains = (self.chain.energy + self.barostat_chain.energy).to(barostat.device)
        return super().conserved(replicas) + chains + barostat


def _sinhc(x: Tensor) -> Tensor:
    """Return sinh(x)/x by its series; ``x`` is below 0.01 in any sound simulation."""
    square = x * x
    return 1.0 + square / 6.0 * (1.0 + square / 20.0 * (1.0 + square / 42.0))
