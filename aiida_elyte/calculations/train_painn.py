"""CalcJob: train one PaiNN potential."""

from aiida import orm

from aiida_elyte.calculations.declarations import Failure, Input, Output, Program
from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.science.potentials.painn.settings import PainnSettings

__all__ = ["TrainPainnCalculation"]


def _validate_labelled(node: FramesData | None, _: object) -> str | None:
    if node is not None and not node.is_labelled:
        return f"FramesData<{node.pk}> has frames without energy and forces; expected a labelled set; label it first"
    return None


class TrainPainnCalculation(ScriptCalculation):
    """Train a PaiNN (SchNetPack) on energies, forces and stresses."""

    PROGRAM = Program("train_painn.py", parser="elyte.train_painn", settings=PainnSettings)
    INPUTS = (
        Input(
            "dataset",
            FramesData,
            "Labelled frames of one level of theory.",
            "dataset.extxyz",
            validator=_validate_labelled,
        ),
        Input(
            "validation",
            FramesData,
            "Labelled frames to validate on; without them blocks of the data set are set aside.",
            "validation.extxyz",
            required=False,
            validator=_validate_labelled,
        ),
        Input(
            "initial", PotentialData, "Potential whose weights the training starts from.", "initial.pt", required=False
        ),
    )
    OUTPUTS = (
        Output("potential", PotentialData, "The trained potential.", "potential.pt"),
        Output("parity", orm.SinglefileData, "Labels and predictions of both sides of the split (npz).", "parity.npz"),
    )
    FAILURES = (
        Failure(
            414, "ERROR_DIVERGED", "The training diverged: {message}; lower the learning rate or inspect the labels."
        ),
    )
