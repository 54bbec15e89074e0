"""CalcJob: fit a class-2 force field."""

from aiida import orm

from aiida_elyte.calculations.declarations import Input, Output, Program
from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.frames import FramesData
from aiida_elyte.program import RESULTS
from aiida_elyte.science.forcefield.fit_settings import FitSettings

__all__ = ["FitForceFieldCalculation"]


class FitForceFieldCalculation(ScriptCalculation):
    """Fit a force field to the forces of labelled clusters."""

    PROGRAM = Program("fit_forcefield.py", parser="elyte.fit_forcefield", settings=FitSettings)
    INPUTS = (
        Input("dataset", FramesData, "Labelled clusters of one level of theory.", "dataset.extxyz"),
        Input(
            "validation",
            FramesData,
            "Labelled clusters to validate on; without them a share of the data set is set aside.",
            "validation.extxyz",
            required=False,
        ),
    )
    OUTPUTS = (
        Output("potential", ForceFieldData, "The fitted force field.", "forcefield.json"),
        Output(
            "errors",
            orm.Dict,
            "Errors of the forces by system on `train`, `validation` and `test` [kcal/mol/Å].",
            RESULTS,
        ),
        Output(
            "undetermined",
            orm.Dict,
            "Parameters that the data do not determine → their error, as a share of their prior's width.",
            RESULTS,
        ),
    )
