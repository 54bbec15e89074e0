"""CalcJob: fit a class-2 force field."""

from typing import Any

from aiida import orm

from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.forcefield.fit_settings import FitSettings

__all__ = ["FitForceFieldCalculation"]


class FitForceFieldCalculation(ScriptCalculation):
    """Fit a force field to the forces of labelled clusters."""

    PROGRAM = "fit_forcefield.py"
    PARSER = "elyte.fit_forcefield"
    SETTINGS = FitSettings
    RETRIEVED = ("forcefield.json",)
    CHECKPOINTS = ("checkpoint*.npz",)

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.input("dataset", valid_type=FramesData, help="Labelled clusters of one level of theory.")
        spec.input(
            "validation",
            valid_type=FramesData,
            required=False,
            help="Labelled clusters to validate on; without them a share of the data set is set aside.",
        )
        spec.output("potential", valid_type=ForceFieldData, help="The fitted force field.")
        spec.output(
            "errors",
            valid_type=orm.Dict,
            help="Errors of the forces by system on `train`, `validation` and `test` [kcal/mol/Å].",
        )
        spec.output(
            "undetermined",
            valid_type=orm.Dict,
            help="Parameters that the data do not determine → their error, as a share of their prior's width.",
        )

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return data set and validation set."""
        return {f"{port}.extxyz": self.inputs[port] for port in ("dataset", "validation") if port in self.inputs}
