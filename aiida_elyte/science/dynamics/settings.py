"""Settings of a run of molecular dynamics, checked before anything starts; imports neither torch nor AiiDA."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ase.data import chemical_symbols

from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.settings import (
    Count,
    Number,
    Positive,
    Settings,
    Temperature,
    Whole,
    check_count,
    check_n_cells,
    read_record,
)

__all__ = ["ENSEMBLES", "MdSettings", "Ramp", "ReplicaSettings", "Stops", "read_md_settings", "read_replicas"]

ENSEMBLES = ("nve", "nvt_langevin", "nvt_nose_hoover", "npt_nose_hoover")
"""Names of the ensembles."""


@dataclass(frozen=True)
class Ramp(Settings):
    """The start: a linear rise of temperature under a Langevin thermostat at constant volume, then a hold."""

    start_K: Temperature = 100.0
    """Temperature of the first velocities [K]; only used with ``ramp_steps``."""
    ramp_steps: Whole = 0
    """Steps from ``start_K`` to the target; 0 draws the first velocities at the target."""
    hold_steps: Whole = 0
    """Steps in the ensemble asked for that are not yet production."""
    friction_per_ps: Positive = 10.0
    """Friction during the ramp [1/ps]."""


@dataclass(frozen=True)
class Stops(Settings):
    """When a replica is given up, its last frame kept."""

    min_distance_factor: Positive | None = 0.5
    """Stop where two atoms are nearer than this times the sum of their covalent radii; ``None`` never."""
    max_temperature_K: Positive | None = None
    """Stop above this kinetic temperature [K]; ``None`` takes five times the target."""
    max_spread_eV_A: Positive | None = None
    """Stop where the committee's spread of one atom's force exceeds this [eV/Å]; ``None`` never."""
    framework: tuple[str, ...] = ()
    """Species whose sites should last."""
    max_framework_rmsd_A: Positive | None = None
    """Stop where the framework has moved this far from the start, its drift left out [Å]; ``None`` never."""
    stride: Count = 10
    """Steps between two looks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [symbol for symbol in self.framework if symbol not in chemical_symbols]
        if unknown:
            raise InputError(f"framework names {unknown}; expected chemical symbols, as ['P', 'S']")
        if self.max_framework_rmsd_A is not None and not self.framework:
            raise InputError("max_framework_rmsd_A is given without framework; name the species, as ['P', 'S']")


@dataclass(frozen=True)
class ReplicaSettings(Settings):
    """One replica."""

    seed: Whole
    """Seed of its velocities and collisions."""
    member: str
    """Name of the potential that drives it."""


@dataclass(frozen=True)
class MdSettings(Settings):
    """Settings of one run."""

    temperature_K: Temperature
    """Temperature [K]."""
    n_steps: Count
    """Steps of production, after the ramp and the hold."""
    replicas: tuple[ReplicaSettings, ...]
    """The replicas, ``r0``, ``r1`` …"""
    ensemble: str = "nvt_langevin"
    """One of ``ENSEMBLES``."""
    pressure_GPa: Number = 0.0
    """Pressure, for ``npt_nose_hoover`` [GPa]."""
    timestep_fs: Positive = 2.0
    """Time step [fs]."""
    friction_per_ps: Positive = 1.0
    """Friction, for ``nvt_langevin`` [1/ps]."""
    thermostat_time_fs: Positive = 100.0
    """Time on which Nosé–Hoover chains answer [fs]."""
    barostat_time_fs: Positive = 1000.0
    """Time on which the cell answers [fs]."""
    ramp: Ramp = field(default_factory=Ramp)
    """The start."""
    supercell: tuple[int, int, int] = (1, 1, 1)
    """Repetitions of the start frames along their cell vectors."""
    series_stride: Count = 10
    """Steps between two samples of the transport series."""
    sample_stride: Count | None = None
    """Steps between two frames of ``sampled.extxyz``; ``None`` keeps those of stops only."""
    spread_stride: Count | None = None
    """Steps between two evaluations of the committee's spread; ``None`` evaluates it at sampled frames only."""
    trajectory_stride: Count | None = None
    """Steps between two frames of ``trajectory_r*.xyz``; ``None`` writes none."""
    checkpoint_seconds: Positive = 300.0
    """Time between two checkpoints [s]."""
    stops: Stops = field(default_factory=Stops)
    """When a replica is given up."""
    device: str = "auto"
    """``auto`` takes CUDA when present; or a device of torch."""
    dtype: str | None = None
    """``float32`` or ``float64``; ``None`` keeps that of the potentials. Positions are always integrated in float64."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ensemble not in ENSEMBLES:
            hint = suggest(str(self.ensemble), ENSEMBLES) or f"; expected one of {', '.join(ENSEMBLES)}"
            raise InputError(f"ensemble is {self.ensemble!r}{hint}")
        if not self.replicas:
            raise InputError('replicas is empty; expected a list as [{"seed": 1, "member": "m00"}]')
        if len(self.supercell) != 3:
            raise InputError(f"supercell is {list(self.supercell)}; expected three whole numbers, as [2, 2, 1]")
        for axis, count in enumerate(self.supercell):
            check_count(f"supercell[{axis}]", count)
        check_n_cells("supercell", self.supercell)
        if not isinstance(self.device, str):
            raise InputError(f"device is {self.device!r}; expected auto, cpu or cuda")
        if self.dtype not in (None, "float32", "float64"):
            raise InputError(f"dtype is {self.dtype!r}; expected float32, float64 or null")

    @property
    def max_temperature_K(self) -> float:
        """Temperature above which a replica is given up [K]."""
        return self.stops.max_temperature_K or 5.0 * self.temperature_K

    @property
    def identity(self) -> dict[str, Any]:
        """All that a continued run must share with the first one."""
        chosen = asdict(self)
        for name in ("n_steps", "checkpoint_seconds", "device"):
            del chosen[name]
        return chosen


def read_md_settings(settings: Mapping[str, Any], name: str = "settings") -> MdSettings:
    """Read the settings of ``run_md``.

    Parameters
    ----------
    settings
        As a user gives them.
    name
        What to call them.

    Raises
    ------
    InputError
        If they are invalid.
    """
    chosen = dict(settings)
    chosen["ramp"] = read_record(Ramp, chosen.get("ramp") or {}, "ramp")
    stops = chosen.get("stops") or {}
    if isinstance(stops, Mapping) and "framework" in stops:
        stops = {**stops, "framework": _list("stops.framework", stops["framework"], "['P', 'S']")}
    chosen["stops"] = read_record(Stops, stops, "stops")
    chosen["replicas"] = read_replicas(chosen.get("replicas"))
    if "supercell" in chosen:
        chosen["supercell"] = _list("supercell", chosen["supercell"], "[2, 2, 1]")
    return read_record(MdSettings, chosen, name)


def read_replicas(given: Any) -> tuple[ReplicaSettings, ...]:
    """Read the list of replicas of a run.

    Raises
    ------
    InputError
        If it is not a list of seeds and members.
    """
    replicas = _list("replicas", given, '[{"seed": 1, "member": "m00"}]')
    return tuple(read_record(ReplicaSettings, one, f"replicas[{index}]") for index, one in enumerate(replicas))


def _list(name: str, given: Any, example: str) -> tuple[Any, ...]:
    if not isinstance(given, list | tuple):
        raise InputError(f"{name} is {given!r}; expected a list as {example}")
    return tuple(given)
