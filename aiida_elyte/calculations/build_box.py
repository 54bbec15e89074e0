"""CalcJob: a loose box of a recipe, and the stages that compress it."""

from typing import Any

from aiida import orm

from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.science.electrolyte.box_settings import BoxSettings

__all__ = ["BuildBoxCalculation"]


class BuildBoxCalculation(ScriptCalculation):
    """Grow chains, place molecules, write the data file of LAMMPS."""

    PROGRAM = "build_box.py"
    PARSER = "elyte.build_box"
    SETTINGS = BoxSettings
    RETRIEVED = ("system.data",)

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.input("force_field", valid_type=ForceFieldData, help="Force field with every type of the recipe.")
        spec.output("data", valid_type=orm.SinglefileData, help="Data file of the loose box.")

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return the force field."""
        return {"forcefield.json": self.inputs.force_field}
