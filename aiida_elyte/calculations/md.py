"""CalcJob: molecular dynamics of replicas with an ensemble of potentials."""

from collections.abc import Mapping
from typing import Any

from aiida import orm

from aiida_elyte.calculations.declarations import Failure, Input, Members, Output, Program
from aiida_elyte.calculations.families import family_modules, family_references, validate_families
from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.settings import read_md_settings

__all__ = ["MdCalculation"]

_LATER = {"temperature_K": 300.0, "n_steps": 1, "replicas": [{"seed": 0, "member": "m00"}]}
"""What WorkChains fill in before a run."""


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
            validator=validate_families,
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
        return family_modules(inputs.get("potentials", {}))

    def settings(self) -> dict[str, Any]:
        """Return the settings, with where the program finds the family of each member."""
        return {**super().settings(), "families": family_references(self.inputs.potentials)}


def _validate_settings(node: orm.Dict | None, port: Any) -> str | None:
    try:
        if node is not None:
            read_md_settings({**_LATER, **node.get_dict()}, port.name)
    except InputError as error:
        return str(error)
    return None
