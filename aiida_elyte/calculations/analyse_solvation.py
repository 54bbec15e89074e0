"""CalcJob: who surrounds the ions of a box, and for how long."""

from typing import Any

from aiida import orm

from aiida_elyte.calculations.declarations import Output, Program
from aiida_elyte.calculations.trajectory import TrajectoryCalculation
from aiida_elyte.science.trajectory.settings import ShellSettings

__all__ = ["AnalyseSolvationCalculation"]


class AnalyseSolvationCalculation(TrajectoryCalculation):
    """Find the first shells of the ions in one trajectory: numbers, pairs, residence times."""

    PROGRAM = Program(
        "analyse_solvation.py", parser="elyte.analyse_solvation", settings=ShellSettings, needs=("MDAnalysis",)
    )
    OUTPUTS = (
        Output(
            "curves",
            orm.ArrayData,
            "`r_A` [Å]; `g_SITE`, `n_SITE`, neighbours up to r, and their `_error` for each site.",
            "curves.npz",
        ),
    )

    @classmethod
    def define(cls, spec: Any) -> None:
        """Require the topology."""
        super().define(spec)
        spec.inputs["topology"].required = True
