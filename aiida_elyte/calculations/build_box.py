"""CalcJob: a loose box of a recipe, and the stages that compress it."""

from aiida import orm

from aiida_elyte.calculations.declarations import Input, Output, Program
from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.science.electrolyte.box_settings import BoxSettings

__all__ = ["BuildBoxCalculation"]


class BuildBoxCalculation(ScriptCalculation):
    """Grow chains, place molecules, write the data file of LAMMPS."""

    PROGRAM = Program("build_box.py", parser="elyte.build_box", settings=BoxSettings)
    INPUTS = (Input("force_field", ForceFieldData, "Force field with every type of the recipe.", "forcefield.json"),)
    OUTPUTS = (Output("data", orm.SinglefileData, "Data file of the loose box.", "system.data"),)
