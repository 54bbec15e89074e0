"""CalcJob: reduce trajectories to series, in place."""

from aiida_elyte.calculations.declarations import Output, Program
from aiida_elyte.calculations.trajectory import TrajectoryCalculation
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.trajectory.settings import ReductionSettings

__all__ = ["ReduceTrajectoryCalculation"]


class ReduceTrajectoryCalculation(TrajectoryCalculation):
    """Reduce trajectories to what transport needs of them."""

    PROGRAM = Program("reduce_trajectory.py", parser="elyte.reduce_trajectory", settings=ReductionSettings)
    OUTPUTS = (Output("series", SeriesData, "Displacements, cell and times of each replica.", "series.npz"),)
