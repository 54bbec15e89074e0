"""Constant volume and temperature by Nosé–Hoover chains."""

from torch import Tensor

from aiida_elyte.science.dynamics.chain import NoseHooverChain
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.integrator import Integrator
from aiida_elyte.science.dynamics.replicas import Replicas

__all__ = ["NoseHoover"]


class NoseHoover(Integrator):
    """One Nosé–Hoover chain on the 3 n − 3 degrees of freedom of each replica, around velocity Verlet.

    Parameters
    ----------
    temperature_K
        Temperature [K].
    thermostat_time_fs
        Time on which the chain answers [fs].

    References
    ----------
    Martyna, Tuckerman, Tobias, Klein, Mol. Phys. 87, 1117 (1996), DOI 10.1080/00268979600100761.
    """

    rows = ("chain",)

    def __init__(
        self,
        replicas: Replicas,
        timestep_fs: float,
        temperature_K: float,
        thermostat_time_fs: float,
    ) -> None:
        super().__init__(replicas, timestep_fs)
        self.chain = NoseHooverChain(replicas.n_dof, temperature_K, thermostat_time_fs)

    def step(self, replicas: Replicas, forces: Forces) -> None:
        """Advance the replicas by one time step."""
        self._thermostat(replicas)
        self.kick(replicas)
        replicas.positions.add_(replicas.velocities, alpha=self.timestep_fs)
        forces(replicas)
        self.kick(replicas)
        self._thermostat(replicas)

    def _thermostat(self, replicas: Replicas) -> None:
        scale = self.chain.propagate(replicas.twice_kinetic, self.timestep_fs)
        replicas.velocities *= replicas.of_atoms(scale[:, None])

    def conserved(self, replicas: Replicas) -> Tensor:
        """Return the energy of replicas and chains [eV], shape ``(S,)``."""
        return super().conserved(replicas) + self.chain.energy.to(replicas.energy.device)
