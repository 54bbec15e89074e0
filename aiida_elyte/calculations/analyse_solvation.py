"""CalcJob: who surrounds the ions of a box, and for how long."""

from typing import Any

from aiida import orm

from aiida_elyte.calculations.trajectory import TrajectoryCalculation
from aiida_elyte.science.trajectory.settings import ShellSettings

__all__ = ["AnalyseSolvationCalculation"]


class AnalyseSolvationCalculation(TrajectoryCalculation):
    """Find the first shells of the ions in one trajectory: numbers, pairs, residence times."""

    PROGRAM = "analyse_solvation.py"
    PARSER = "elyte.analyse_solvation"
    SETTINGS = ShellSettings
    NEEDS = ("MDAnalysis",)
    RETRIEVED = ("curves.npz",)
    CHECKPOINTS = ("checkpoint*.npz",)

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.inputs["topology"].required = True
        spec.output(
            "curves",
            valid_type=orm.ArrayData,
            help="`r_A` [Å]; `g_SITE`, `n_SITE`, neighbours up to r, and their `_error` for each site.",
        )
