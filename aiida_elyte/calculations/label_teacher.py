"""CalcJob: labels by a trained potential that stands in for an engine."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiida_elyte.calculations.declarations import Input, Program
from aiida_elyte.calculations.families import family_modules, family_references
from aiida_elyte.calculations.label_ase import LabelAseCalculation
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.label_settings import LabelSettings
from aiida_elyte.science.settings import check_device

__all__ = ["LabelTeacherCalculation", "TeacherSettings", "level_of_teacher"]

_FILE = "potential.pt"
_MODULE = "aiida_elyte.science.potentials.teacher"
TEACHES = ("energy", "forces", "stress")
"""Labels that potentials give."""


@dataclass(frozen=True)
class TeacherSettings:
    """Settings of labels by a potential.

    Raises
    ------
    InputError
        If a key is unknown, or a value is invalid.
    """

    properties: Sequence[str] = TEACHES
    """Labels wanted."""
    relax: Mapping[str, Any] | None = None
    """Relax each frame first: fields of ``Relaxation``; ``None`` relaxes nothing."""
    heat: Mapping[str, Any] | None = None
    """Label geometries displaced by heat too: fields of ``Heat``; ``None`` heats nothing."""
    device: str = "auto"
    """Where the potential is evaluated."""

    def __post_init__(self) -> None:
        check_device("device", self.device)
        LabelSettings(f"{_MODULE}:Teacher", "teacher", None, self.properties, None, self.relax, self.heat)
        if unknown := sorted(set(self.properties) - set(TEACHES)):
            raise InputError(
                f"properties holds {unknown}; expected some of {', '.join(TEACHES)}, which potentials give"
            )


def level_of_teacher(potential: PotentialData) -> str:
    """Return what to call labels of a potential: never a level of theory of DFT, and another one for each potential."""
    level = potential.base.attributes.get("level_of_theory", "unstated")
    digest = hashlib.sha256(potential.get_content(mode="rb")).hexdigest()
    return f"teacher: {potential.family} {level}, potential {digest[:8]}"


class LabelTeacherCalculation(LabelAseCalculation):
    """Label frames one after the other by a potential; one failing frame loses only itself."""

    PROGRAM = Program(
        "label_ase.py",
        parser="elyte.label_ase",
        settings=TeacherSettings,
        needs=("torch_sim",),
        checkpoints=LabelAseCalculation.PROGRAM.checkpoints,
    )
    INPUTS = (*LabelAseCalculation.INPUTS, Input("potential", PotentialData, "Potential that labels.", _FILE))

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> list[str]:
        """Return the module of the calculator, and that of the potential's family."""
        potential = inputs.get("potential")
        return [_MODULE, *(family_modules({"": potential}) if isinstance(potential, PotentialData) else [])]

    def settings(self) -> dict[str, Any]:
        """Return the settings of the program: the potential as its calculator."""
        given = super().settings()
        potential = self.inputs.potential
        family = family_references({"": potential})[""]
        parameters = {"file": _FILE, "family": family, "device": given.pop("device", "auto")}
        return {
            **given,
            "calculator": f"{_MODULE}:Teacher",
            "parameters": parameters,
            "level_of_theory": level_of_teacher(potential),
        }
