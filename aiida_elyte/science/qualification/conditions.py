"""Under which conditions a potential is tested."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ase import Atoms
from ase.data import chemical_symbols

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.ensemble import replica_settings
from aiida_elyte.science.settings import Count, Settings, Temperature, Whole, check_count, read_record

__all__ = ["ENSEMBLES", "Conditions", "read_conditions", "require_framework", "require_known"]

ENSEMBLES = {"nvt": "nvt_langevin", "nve": "nve", "npt": "npt_nose_hoover"}
"""Run of a qualification → ensemble of its dynamics."""
_SEEDS = {"nvt": 0, "nve": 1, "npt": 2}
"""Run → number that tells its seeds from those of the others."""


@dataclass(frozen=True)
class Conditions(Settings):
    """Dynamics that a potential is tested by: at constant temperature, at constant energy and, if needed, pressure."""

    temperature_K: Temperature
    """Highest temperature of production [K]."""
    framework: tuple[str, ...] = ()
    """Species whose sites should last."""
    n_replicas: Count = 4
    """Replicas of each run, shared among the members."""
    n_steps: Count = 25000
    """Steps of the run at constant temperature: more than in any run that was trained on."""
    nve_steps: Count = 5000
    """Steps of the run at constant energy, after the ramp."""
    npt_steps: Count = 10000
    """Steps of the run at constant pressure."""
    sample_stride: Count = 250
    """Steps between two sampled frames."""
    spread_stride: Count = 50
    """Steps between two evaluations of the committee's spread."""
    series_stride: Count = 10
    """Steps between two samples of temperature and volume."""
    seed: Whole = 0
    """Seed of velocities and collisions."""
    supercell: tuple[int, int, int] = (1, 1, 1)
    """Repetitions of the start along its cell vectors."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := [name for name in self.framework if name not in chemical_symbols]:
            raise InputError(f"framework names {unknown}; expected chemical symbols, as ['P', 'S']")
        if len(self.supercell) != 3:
            raise InputError(f"supercell is {list(self.supercell)}; expected three whole numbers, as [2, 2, 1]")
        for axis, count in enumerate(self.supercell):
            check_count(f"supercell[{axis}]", count)

    def settings_of(self, run: str, given: Mapping[str, Any], members: Sequence[str]) -> dict[str, Any]:
        """Return the settings of one of ``ENSEMBLES`` for the program of dynamics.

        Parameters
        ----------
        run
            The run.
        given
            Settings of the program that are not among the conditions.
        members
            Names of the members.
        """
        chosen = {
            "ensemble": ENSEMBLES[run],
            "temperature_K": self.temperature_K,
            "n_steps": {"nvt": self.n_steps, "nve": self.nve_steps, "npt": self.npt_steps}[run],
            "n_replicas": self.n_replicas,
            "seed": self.seed,
            "supercell": list(self.supercell),
            "sample_stride": self.sample_stride,
            "spread_stride": self.spread_stride,
            "series_stride": self.series_stride,
            "stops": {**(given.get("stops") or {}), "framework": list(self.framework)},
        }
        return replica_settings(given, chosen, members, _SEEDS[run])


def read_conditions(content: Any) -> Conditions:
    """Read conditions as a user gives them.

    Raises
    ------
    InputError
        If they are invalid.
    """
    if isinstance(content, Mapping):
        content = {
            key: tuple(value) if key in ("framework", "supercell") and isinstance(value, list) else value
            for key, value in content.items()
        }
    return read_record(Conditions, content, "conditions")


def require_framework(start: Atoms, framework: Sequence[str]) -> None:
    """Reject framework species that the start lacks.

    Raises
    ------
    InputError
        If one is not there.
    """
    species = sorted(set(start.get_chemical_symbols()))
    if absent := [name for name in framework if name not in species]:
        raise InputError(
            f"framework names {', '.join(absent)}; expected species of the start frame, {', '.join(species)}"
        )


def require_known(start: Atoms, elements: Sequence[str], name: str) -> None:
    """Reject a start with elements that a potential does not know.

    Parameters
    ----------
    start
        The start frame.
    elements
        Elements of the potential.
    name
        What to call it.

    Raises
    ------
    InputError
        If one is unknown.
    """
    if unknown := sorted(set(start.get_chemical_symbols()) - set(elements)):
        raise InputError(
            f"{name} does not know {', '.join(unknown)} of the start frame; expected a potential of all its elements"
        )
