"""CalcJob: molecular dynamics of replicas with an ensemble of potentials."""

from collections.abc import Mapping
from typing import Any

from aiida import orm

from aiida_elyte.calculations.declarations import Failure, Input, Members, Output, Program
from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.science.dynamics.settings import read_md_settings
from aiida_elyte.science.potentials.family import Family

__all__ = ["MdCalculation"]

_LATER = {"temperature_K": 300.0, "n_steps": 1, "replicas": [{"seed": 0, "member": "m00"}]}
"""What WorkChains fill in before a run."""


def _families(members: Mapping[str, PotentialData]) -> dict[str, type[Family]]:
    return {name: load("families", node.family) for name, node in members.items()}


def _validate_families(members: Mapping[str, PotentialData], _: object) -> str | None:
    try:
        _families(members)
    except InputError as error:
        return f"potentials: {error}"
    return None


class MdCalculation(ScriptCalculation):
    """Run replicas of one cell at one temperature, and reduce their trajectories in place."""

    PROGRAM = Program(
        "run_md.py",
        parser="elyte.md",
        needs=("torch_sim",),
        checkpoints=("checkpoint*.npz", "sampled.extx[y]z", "trajectory_r*.xyz"),
    )
    INPUTS = (
        Input("start", FramesData, "One frame, or one for each replica.", "start.extxyz"),
        Members(
            "potentials",
            PotentialData,
            "Members m00, m01 …: each replica is driven by one, the committee spread is that of all.",
            "*.pt",
            validator=_validate_families,
        ),
    )
    OUTPUTS = (
        Output(
            "frames", FramesData, "Frames at the sampling stride, stops included.", "sampled.extxyz", required=False
        ),
        Output("series", SeriesData, "Displacements, cell and times of each replica.", "series.npz", required=False),
    )
    FAILURES = (
        Failure(411, "ERROR_EXPLODED", "Every replica stopped, the first by runaway temperature: {message}"),
        Failure(412, "ERROR_COLLIDED", "Every replica stopped, the first by a collision: {message}"),
        Failure(413, "ERROR_MOLTEN", "Every replica stopped, the first because its framework melted: {message}"),
        Failure(415, "ERROR_UNCERTAIN", "Every replica stopped, the first by committee spread: {message}"),
    )

    @classmethod
    def define(cls, spec: Any) -> None:
        """Check the settings with what WorkChains fill in later."""
        super().define(spec)
        spec.inputs["settings"].validator = _validate_settings

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> list[str]:
        """Return the modules of the families of the potentials."""
        families = _families(inputs.get("potentials", {})).values()
        return sorted({family.__module__ for family in families})

    def settings(self) -> dict[str, Any]:
        """Return the settings, with where the program finds the family of each member."""
        families = {name: family.reference() for name, family in _families(self.inputs.potentials).items()}
        return {**super().settings(), "families": families}


def _validate_settings(node: orm.Dict | None, port: Any) -> str | None:
    try:
        if node is not None:
            read_md_settings({**_LATER, **node.get_dict()}, port.name)
    except InputError as error:
        return str(error)
    return None
