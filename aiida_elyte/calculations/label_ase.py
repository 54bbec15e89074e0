"""CalcJob: energies, forces and stresses of many frames with any ASE calculator."""

from collections.abc import Mapping
from typing import Any

from aiida import orm

from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData

__all__ = ["LabelAseCalculation"]


class LabelAseCalculation(ScriptCalculation):
    """Label frames one after the other; one failing frame loses only itself."""

    PROGRAM = "label_ase.py"
    PARSER = "elyte.label_ase"
    RETRIEVED = ("labelled.extxyz",)
    CHECKPOINTS = ("labelled.extx[y]z", "checkpoint.np[z]")

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.input("frames", valid_type=FramesData, help="Frames to label.")
        spec.output(
            "frames", valid_type=FramesData, help="The labelled frames in the order given, the refused left out."
        )
        spec.exit_code(420, "ERROR_ALL_LABELS_FAILED", message="No frame could be labelled: {message}")

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> list[str]:
        """Return the modules of the calculators that are given as ``module:Class``."""
        settings = inputs.get("settings") or {}
        settings = settings.get_dict() if isinstance(settings, orm.Dict) else settings
        heat = settings.get("heat") or {}
        names = (part.get("calculator") for part in (settings, heat) if isinstance(part, Mapping))
        return [name.partition(":")[0] for name in names if isinstance(name, str) and ":" in name]

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return the frames."""
        return {"frames.extxyz": self.inputs.frames}
