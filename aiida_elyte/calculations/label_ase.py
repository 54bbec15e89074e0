"""CalcJob: energies, forces and stresses of many frames with any ASE calculator."""

from aiida import orm
from aiida.engine import CalcJobProcessSpec

from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData

__all__ = ["LabelAseCalculation"]


class LabelAseCalculation(ScriptCalculation):
    """Label frames one after the other; one failing frame loses only itself."""

    PROGRAM = "label_ase.py"
    RETRIEVED = ("labelled.extxyz",)
    CHECKPOINTS = ("labelled.extx[y]z", "checkpoint*")

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        """Define the ports."""
        super().define(spec)
        spec.input("frames", valid_type=FramesData, help="Frames to label.")
        spec.output(
            "frames", valid_type=FramesData, help="The labelled frames in the order given, the refused left out."
        )
        spec.inputs["metadata"]["options"]["parser_name"].default = "elyte.label_ase"
        spec.exit_code(420, "ERROR_ALL_LABELS_FAILED", message="No frame could be labelled: {message}")

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return the frames."""
        return {"frames.extxyz": self.inputs.frames}
