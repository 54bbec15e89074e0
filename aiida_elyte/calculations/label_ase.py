"""CalcJob: energies, forces and stresses of many frames with any ASE calculator."""

from collections.abc import Mapping
from typing import Any

from aiida import orm

from aiida_elyte.calculations.declarations import Failure, Input, Output, Program
from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.labels.label_settings import LabelSettings

__all__ = ["LabelAseCalculation"]


class LabelAseCalculation(ScriptCalculation):
    """Label frames one after the other; one failing frame loses only itself."""

    PROGRAM = Program(
        "label_ase.py",
        parser="elyte.label_ase",
        settings=LabelSettings,
        checkpoints=("labelled.extx[y]z", "checkpoint.np[z]"),
    )
    INPUTS: tuple[Input, ...] = (Input("frames", FramesData, "Frames to label.", "frames.extxyz"),)
    OUTPUTS = (
        Output(
            "frames", FramesData, "The labelled frames in the order given, without those set aside.", "labelled.extxyz"
        ),
    )
    FAILURES = (Failure(420, "ERROR_ALL_LABELS_FAILED", "No frame could be labelled: {message}"),)

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> list[str]:
        """Return the modules of the calculators that are given as ``module:Class``."""
        settings = inputs.get("settings") or {}
        settings = settings.get_dict() if isinstance(settings, orm.Dict) else settings
        heat = settings.get("heat") or {}
        names = (part.get("calculator") for part in (settings, heat) if isinstance(part, Mapping))
        return [name.partition(":")[0] for name in names if isinstance(name, str) and ":" in name]
