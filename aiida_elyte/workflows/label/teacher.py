"""Label frames with a trained potential that stands in for an engine: for trials and tests, never for DFT."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiida import orm

from aiida_elyte.calculations.label_teacher import LabelTeacherCalculation, level_of_teacher
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.plugins import load
from aiida_elyte.workflows.label.batches import BatchLabelWorkChain
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["LabelTeacherBaseWorkChain", "TeacherLabelWorkChain"]


class LabelTeacherBaseWorkChain(ScriptBaseWorkChain):
    """Label one batch; a job that ends early resumes after the last labelled frame."""

    _process_class = LabelTeacherCalculation
    PROTOCOL = "label_teacher"


class TeacherLabelWorkChain(BatchLabelWorkChain):
    """Label frames by a potential of any family: what it says stands for the truth."""

    PROTOCOL = "label_teacher"
    BATCH = LabelTeacherBaseWorkChain
    NAMESPACE = "teacher"
    SHARED = ("potential",)

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the port of the potential."""
        super().define(spec)
        spec.input("potential", valid_type=PotentialData, help="Potential that labels.")

    @classmethod
    def engine_inputs(cls, code: orm.AbstractCode, frames: FramesData | None, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the potential, how many frames a job has, and what each job takes.

        Raises
        ------
        InputError
            If the potential of the protocol or its overrides is not one.
        """
        return {"potential": PotentialData.find(inputs["potential"]), **super().engine_inputs(code, frames, inputs)}

    @classmethod
    def level_of_theory(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return that the labels are those of a teacher, of which family, and what it was trained on."""
        potential = inputs.get("potential")
        return None if potential is None else level_of_teacher(potential)

    @classmethod
    def gives(cls, inputs: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the properties asked for."""
        properties = cls.settings_of(inputs).get("properties")
        return None if properties is None else frozenset(properties)

    @classmethod
    def validate_elements(cls, inputs: Mapping[str, Any], elements: Sequence[str]) -> str | None:
        """Return which elements the potential was not trained for."""
        potential = inputs.get("potential")
        unknown = [] if potential is None else sorted(set(elements) - set(potential.base.attributes.get("elements")))
        if not unknown:
            return None
        return (
            f"potential of the labeller lacks {', '.join(unknown)}; expected elements that it was trained for; choose "
            "another potential or labeller"
        )

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the modules of the engine of the potential's family."""
        potential = inputs.get("potential")
        return (
            LabelTeacherCalculation.PROGRAM.needs if potential is None else load("families", potential.family).modules
        )

    @classmethod
    def potential_overrides(cls, source: str) -> dict[str, Any]:
        """Return the overrides that choose the potential: a PK, a UUID, a file, or the name of a pretrained one."""
        return {"potential": source}
