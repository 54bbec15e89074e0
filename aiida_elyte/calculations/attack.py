"""CalcJob: an adversarial attack on an ensemble of potentials."""

from collections.abc import Mapping
from typing import Any

from aiida import orm

from aiida_elyte.calculations.declarations import Failure, Input, Members, Output, Program
from aiida_elyte.calculations.families import family_modules, family_references, validate_families
from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.attack_settings import read_attack_settings

__all__ = ["AttackCalculation"]

_LATER = {"temperature_K": 300.0, "replicas": [{"seed": 0, "member": "m00"}]}
"""What WorkChains fill in before a run."""


def _validate_members(members: Mapping[str, PotentialData], port: object) -> str | None:
    if len(members) < 2:
        return "potentials holds one member; expected at least two, as one has no spread to attack; give more"
    return validate_families(members, port)


class AttackCalculation(ScriptCalculation):
    """Displace atoms of frames until the members disagree, as far as the temperature allows."""

    PROGRAM = Program(
        "attack.py",
        parser="elyte.attack",
        needs=("torch_sim",),
        checkpoints=("checkpoint*.npz", "sampled.extx[y]z"),
    )
    INPUTS = (
        Input("start", FramesData, "Frames to start from where no labelled one has their composition.", "start.extxyz"),
        Input(
            "dataset",
            FramesData,
            "Labelled frames: attacks start from those of the composition of `start`, and their energies make the "
            "scale of the probability.",
            "dataset.extxyz",
            required=False,
        ),
        Members(
            "potentials",
            PotentialData,
            "Members m00, m01 …, at least two, of families that differentiate their forces.",
            "*.pt",
            validator=_validate_members,
        ),
    )
    OUTPUTS = (Output("frames", FramesData, "Frame at the end of each attack that gained.", "sampled.extxyz"),)
    FAILURES = (Failure(416, "ERROR_NO_FRAME", "No attack gave a frame: {message}"),)

    @classmethod
    def define(cls, spec: Any) -> None:
        """Check the settings with what WorkChains fill in later."""
        super().define(spec)
        spec.inputs["settings"].validator = _validate_settings

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> list[str]:
        """Return the modules of the families of the potentials."""
        return family_modules(inputs.get("potentials", {}))

    def settings(self) -> dict[str, Any]:
        """Return the settings, with where the program finds the family of each member."""
        return {**super().settings(), "families": family_references(self.inputs.potentials)}


def _validate_settings(node: orm.Dict | None, port: Any) -> str | None:
    try:
        if node is not None:
            read_attack_settings({**_LATER, **node.get_dict()}, port.name)
    except InputError as error:
        return str(error)
    return None
