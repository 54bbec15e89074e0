"""What every integrator offers."""

from abc import ABC, abstractmethod

from torch import Tensor

from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.replicas import PerReplica, Replicas

__all__ = ["Integrator"]


class Integrator(PerReplica, ABC):
    """Advances replicas step by step; one evaluation of the forces a step.

    Parameters
    ----------
    replicas
        The replicas, whose forces are known.
    timestep_fs
        Time step [fs].
    """

    def __init__(self, replicas: Replicas, timestep_fs: float) -> None:
        self.timestep_fs = timestep_fs

    @abstractmethod
    def step(self, replicas: Replicas, forces: Forces) -> None:
        """Advance the replicas by one time step, in place."""

    def conserved(self, replicas: Replicas) -> Tensor:
        """Return what the exact motion keeps constant [eV], shape ``(S,)``."""
        return replicas.energy + 0.5 * replicas.twice_kinetic

    def kick(self, replicas: Replicas) -> None:
        """Let the forces act on the velocities for half a step."""
        replicas.velocities.addcmul_(replicas.forces, replicas.inverse_inertia, value=0.5 * self.timestep_fs)
