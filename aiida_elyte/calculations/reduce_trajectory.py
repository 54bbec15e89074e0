"""CalcJob: reduce trajectories to series, where they lie."""

from typing import Any

from aiida_elyte.calculations.trajectory import TrajectoryCalculation
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.trajectory.settings import ReductionSettings

__all__ = ["ReduceTrajectoryCalculation"]


class ReduceTrajectoryCalculation(TrajectoryCalculation):
    """Reduce trajectories to what transport needs of them."""

    PROGRAM = "reduce_trajectory.py"
    PARSER = "elyte.reduce_trajectory"
    SETTINGS = ReductionSettings
    RETRIEVED = ("series.npz",)
    CHECKPOINTS = ("checkpoint*.npz",)

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.output("series", valid_type=SeriesData, help="Displacements, cell and times of each replica.")
