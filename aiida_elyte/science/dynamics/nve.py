"""Constant energy."""

from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.integrator import Integrator
from aiida_elyte.science.dynamics.replicas import Replicas

__all__ = ["VelocityVerlet"]


class VelocityVerlet(Integrator):
    """Velocity Verlet: half a kick, a drift, half a kick.

    References
    ----------
    Swope, Andersen, Berens, Wilson, J. Chem. Phys. 76, 637 (1982), DOI 10.1063/1.442716.
    """

    def step(self, replicas: Replicas, forces: Forces) -> None:
        """Advance the replicas by one time step."""
        self.kick(replicas)
        replicas.positions.add_(replicas.velocities, alpha=self.timestep_fs)
        forces(replicas)
        self.kick(replicas)
