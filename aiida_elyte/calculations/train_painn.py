"""CalcJob: train one PaiNN potential."""

from typing import Any

from aiida import orm

from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData

__all__ = ["TrainPainnCalculation"]


class TrainPainnCalculation(ScriptCalculation):
    """Train a PaiNN (SchNetPack) on energies, forces and stresses."""

    PROGRAM = "train_painn.py"
    PARSER = "elyte.train_painn"
    RETRIEVED = ("potential.pt", "parity.npz")
    CHECKPOINTS = ("checkpoint*.npz",)

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.input(
            "dataset", valid_type=FramesData, validator=_is_labelled, help="Labelled frames of one level of theory."
        )
        spec.input(
            "validation",
            valid_type=FramesData,
            required=False,
            validator=_is_labelled,
            help="Labelled frames to validate on; without them blocks of the data set are set aside.",
        )
        spec.input(
            "initial",
            valid_type=PotentialData,
            required=False,
            help="Potential whose weights the training starts from.",
        )
        spec.output("potential", valid_type=PotentialData, help="The trained potential.")
        spec.output(
            "parity", valid_type=orm.SinglefileData, help="Labels and predictions of both sides of the split (npz)."
        )
        spec.exit_code(
            414,
            "ERROR_DIVERGED",
            message="The training diverged: {message}; lower the learning rate or inspect the labels.",
        )

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return data set, validation set and initial potential."""
        names = {"dataset": "dataset.extxyz", "validation": "validation.extxyz", "initial": "initial.pt"}
        return {name: self.inputs[port] for port, name in names.items() if port in self.inputs}


def _is_labelled(node: FramesData | None, _: object) -> str | None:
    if node is not None and not node.is_labelled:
        return f"FramesData<{node.pk}> has frames without energy and forces; expected a labelled set; label it first"
    return None
