"""CalcJob: reduce trajectories to series, where they lie."""

from aiida.engine import CalcJobProcessSpec

from aiida_elyte.calculations.settings import holds
from aiida_elyte.calculations.trajectory import TrajectoryCalculation
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.trajectory.settings import ReductionSettings

__all__ = ["ReduceTrajectoryCalculation"]


class ReduceTrajectoryCalculation(TrajectoryCalculation):
    """Reduce trajectories to what transport needs of them."""

    PROGRAM = "reduce_trajectory.py"
    RETRIEVED = ("series.npz",)
    CHECKPOINTS = ("checkpoint*.npz",)

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        """Define the ports."""
        super().define(spec)
        spec.inputs["settings"].validator = holds(ReductionSettings)
        spec.output("series", valid_type=SeriesData, help="Displacements, cell and times of each replica.")
        spec.inputs["metadata"]["options"]["parser_name"].default = "elyte.reduce_trajectory"
