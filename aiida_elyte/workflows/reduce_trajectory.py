"""Reduce trajectories to series, restarted where needed."""

from aiida_elyte.calculations.reduce_trajectory import ReduceTrajectoryCalculation
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["ReduceTrajectoryBaseWorkChain"]


class ReduceTrajectoryBaseWorkChain(ScriptBaseWorkChain):
    """Reduce the trajectories of one system; a job that ends early resumes from its checkpoint."""

    _process_class = ReduceTrajectoryCalculation
    PROTOCOL = "reduce_trajectory"
