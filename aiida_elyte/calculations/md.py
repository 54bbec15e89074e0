"""CalcJob: molecular dynamics of replicas with an ensemble of potentials."""

from collections.abc import Mapping
from typing import Any

from aiida import orm

from aiida_elyte.calculations.script import ScriptCalculation
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.science.dynamics.settings import read_settings
from aiida_elyte.science.potentials.family import Family

__all__ = ["MdCalculation"]

_LATER = {"temperature_K": 300.0, "n_steps": 1, "replicas": [{"seed": 0, "member": "m00"}]}
"""What WorkChains fill in before a run."""


class MdCalculation(ScriptCalculation):
    """Run replicas of one cell at one temperature, reduce their trajectories where they lie."""

    PROGRAM = "run_md.py"
    PARSER = "elyte.md"
    NEEDS = ("torch_sim",)
    RETRIEVED = ("sampled.extxyz", "series.npz")
    CHECKPOINTS = ("checkpoint*.npz", "sampled.extx[y]z", "trajectory_r*.xyz")

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.inputs["settings"].validator = _can_run
        spec.input("start", valid_type=FramesData, help="One frame, or one for each replica.")
        spec.input_namespace(
            "potentials",
            valid_type=PotentialData,
            dynamic=True,
            validator=_are_usable,
            help="Members m00, m01 …: each replica is driven by one, the committee spread is that of all.",
        )
        spec.output(
            "frames", valid_type=FramesData, required=False, help="Frames at the sampling stride, stops included."
        )
        spec.output(
            "series", valid_type=SeriesData, required=False, help="Displacements, cell and times of each replica."
        )
        spec.exit_code(
            411, "ERROR_EXPLODED", message="Every replica stopped, the first by runaway temperature: {message}"
        )
        spec.exit_code(412, "ERROR_COLLIDED", message="Every replica stopped, the first by a collision: {message}")
        spec.exit_code(
            413, "ERROR_MOLTEN", message="Every replica stopped, the first because its framework melted: {message}"
        )

        spec.exit_code(
            415, "ERROR_UNCERTAIN", message="Every replica stopped, the first by committee spread: {message}"
        )

    @classmethod
    def python_modules(cls, inputs: Mapping[str, Any]) -> list[str]:
        """Return the modules of the families of the potentials."""
        families = _families(inputs.get("potentials", {})).values()
        return sorted({family.__module__ for family in families})

    def settings(self) -> dict[str, Any]:
        """Return the settings, with where the program finds the family of each member."""
        families = {name: family.reference() for name, family in _families(self.inputs.potentials).items()}
        return {**super().settings(), "families": families}

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return start frames and members."""
        return {
            "start.extxyz": self.inputs.start,
            **{f"{name}.pt": node for name, node in self.inputs.potentials.items()},
        }


def _families(members: Mapping[str, PotentialData]) -> dict[str, type[Family]]:
    return {name: load("families", node.family) for name, node in members.items()}


def _are_usable(members: Mapping[str, PotentialData], _: object) -> str | None:
    if not members:
        return "potentials is empty; expected at least one member (m00)"
    try:
        _families(members)
    except InputError as error:
        return f"potentials: {error}"
    return None


def _can_run(node: orm.Dict | None, port: Any) -> str | None:
    try:
        if node is not None:
            read_settings({**_LATER, **node.get_dict()})
    except InputError as error:
        return f"{port.name}: {error}"
    return None
