"""Constant volume and temperature by random collisions."""

import math

import torch
from torch import Tensor

from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.integrator import Integrator
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.units import BOLTZMANN_EV_K

__all__ = ["Langevin"]


class Langevin(Integrator):
    r"""Langevin dynamics in the BAOAB splitting, whose positions are sampled to second order at worst.

    .. math:: m \dot v = F - \gamma m v + \sqrt{2 \gamma m k T}\, \eta(t)

    The centre of mass is kept at rest, which is exact for the other 3 n − 3 degrees of freedom. Friction slows
    diffusion: γ belongs beside every diffusion coefficient.

    Parameters
    ----------
    temperature_K
        Temperature ``T`` [K]; may be changed between steps.
    friction_per_ps
        Friction ``γ`` [1/ps].

    References
    ----------
    Leimkuhler, Matthews, Appl. Math. Res. Express 2013, 34, DOI 10.1093/amrx/abs010; conserved quantity as in
    Bussi, Parrinello, Phys. Rev. E 75, 056707 (2007), DOI 10.1103/PhysRevE.75.056707.
    """

    rows = ("heat",)

    def __init__(
        self,
        replicas: Replicas,
        timestep_fs: float,
        temperature_K: float,
        friction_per_ps: float,
    ) -> None:
        super().__init__(replicas, timestep_fs)
        self.temperature_K = temperature_K
        self._memory = math.exp(-friction_per_ps * 1e-3 * timestep_fs)
        self.heat = torch.zeros_like(replicas.energy)
        """Heat taken from the bath since the start [eV], shape ``(S,)``."""

    def step(self, replicas: Replicas, forces: Forces) -> None:
        """Advance the replicas by one time step."""
        half = 0.5 * self.timestep_fs
        self.kick(replicas)
        replicas.positions.add_(replicas.velocities, alpha=half)
        self._collide(replicas)
        replicas.positions.add_(replicas.velocities, alpha=half)
        forces(replicas)
        self.kick(replicas)

    def _collide(self, replicas: Replicas) -> None:
        before = replicas.twice_kinetic
        noise = math.sqrt((1.0 - self._memory**2) * BOLTZMANN_EV_K * self.temperature_K)
        replicas.velocities *= self._memory
        replicas.velocities.addcmul_(replicas.draw_normal(), replicas.softness, value=noise)
        replicas.remove_drift()
        self.heat += 0.5 * (replicas.twice_kinetic - before)

    def conserved(self, replicas: Replicas) -> Tensor:
        """Return the energy less the heat taken from the bath [eV], shape ``(S,)``."""
        return super().conserved(replicas) - self.heat
