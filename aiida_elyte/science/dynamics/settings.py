"""Settings of a run of molecular dynamics, checked before anything starts; imports neither torch nor AiiDA."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any

from ase.data import chemical_symbols

from aiida_elyte.errors import InputError, suggest

__all__ = ["ENSEMBLES", "MdSettings", "Ramp", "ReplicaSettings", "Stops", "read_settings"]

ENSEMBLES = ("nve", "nvt_langevin", "nvt_nose_hoover", "npt_nose_hoover")
"""Names of the ensembles."""


@dataclass(frozen=True)
class Ramp:
    """The start: a linear rise of temperature under a Langevin thermostat at constant volume, then a hold."""

    start_K: float = 100.0
    """Temperature of the first velocities [K]; only used with ``ramp_steps``."""
    ramp_steps: int = 0
    """Steps from ``start_K`` to the target; 0 draws the first velocities at the target."""
    hold_steps: int = 0
    """Steps in the ensemble asked for that are not yet production."""
    friction_per_ps: float = 10.0
    """Friction during the ramp [1/ps]."""


@dataclass(frozen=True)
class Stops:
    """When a replica is given up, its last frame kept."""

    min_distance_factor: float | None = 0.5
    """Stop where two atoms are nearer than this times the sum of their covalent radii; ``None`` never."""
    max_temperature_K: float | None = None
    """Stop above this kinetic temperature [K]; ``None`` takes five times the target."""
    max_spread_eV_A: float | None = None
    """Stop where the committee's spread of one atom's force exceeds this [eV/Å]; ``None`` never."""
    framework: tuple[str, ...] = ()
    """Species whose sites should last."""
    max_framework_rmsd_A: float | None = None
    """Stop where the framework has moved this far from the start, its drift left out [Å]; ``None`` never."""
    stride: int = 10
    """Steps between two looks."""


@dataclass(frozen=True)
class ReplicaSettings:
    """One replica."""

    seed: int
    """Seed of its velocities and collisions."""
    member: str
    """Name of the potential that drives it."""


@dataclass(frozen=True)
class MdSettings:
    """Settings of one run."""

    temperature_K: float
    """Temperature [K]."""
    n_steps: int
    """Steps of production, after the ramp and the hold."""
    replicas: tuple[ReplicaSettings, ...]
    """The replicas, ``r0``, ``r1`` …"""
    ensemble: str = "nvt_langevin"
    """One of ``ENSEMBLES``."""
    pressure_GPa: float = 0.0
    """Pressure, for ``npt_nose_hoover`` [GPa]."""
    timestep_fs: float = 2.0
    """Time step [fs]."""
    friction_per_ps: float = 1.0
    """Friction, for ``nvt_langevin`` [1/ps]."""
    thermostat_time_fs: float = 100.0
    """Time on which Nosé–Hoover chains answer [fs]."""
    barostat_time_fs: float = 1000.0
    """Time on which the cell answers [fs]."""
    ramp: Ramp = field(default_factory=Ramp)
    """The start."""
    supercell: tuple[int, int, int] = (1, 1, 1)
    """Repetitions of the start frames along their cell vectors."""
    series_stride: int = 10
    """Steps between two samples of the transport series."""
    sample_stride: int | None = None
    """Steps between two frames of ``sampled.extxyz``; ``None`` keeps those of stops only."""
    spread_stride: int | None = None
    """Steps between two evaluations of the committee's spread; ``None`` evaluates it at sampled frames only."""
    trajectory_stride: int | None = None
    """Steps between two frames of ``trajectory_r*.xyz``; ``None`` writes none."""
    checkpoint_seconds: float = 300.0
    """Time between two checkpoints [s]."""
    stops: Stops = field(default_factory=Stops)
    """When a replica is given up."""
    device: str = "auto"
    """``auto`` takes CUDA when present; or a device of torch."""
    dtype: str | None = None
    """``float32`` or ``float64``; ``None`` keeps that of the potentials. Positions are always integrated in float64."""

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


def read_settings(settings: Mapping[str, Any]) -> MdSettings:
    """Read the settings of ``run_md``.

    Raises
    ------
    InputError
        Naming the key, what was expected and the remedy.
    """
    chosen = _take(MdSettings, settings, "")
    for name, kind in (("ramp", Ramp), ("stops", Stops)):
        chosen[name] = kind(**_take(kind, settings.get(name) or {}, f"{name}."))
    replicas = settings["replicas"]
    if not _list("replicas", replicas, '[{"seed": 1, "member": "m00"}]'):
        raise InputError('replicas is empty; expected a list as [{"seed": 1, "member": "m00"}]')
    chosen["replicas"] = tuple(
        ReplicaSettings(**_take(ReplicaSettings, replica, f"replicas[{index}]."))
        for index, replica in enumerate(replicas)
    )
    chosen["supercell"] = _list("supercell", chosen.get("supercell", (1, 1, 1)), "[2, 2, 1]")
    framework = _list("stops.framework", chosen["stops"].framework, "['P', 'S']")
    chosen["stops"] = replace(chosen["stops"], framework=framework)
    read = MdSettings(**chosen)
    _check(read)
    return read


def _take(kind: type, given: Any, where: str) -> dict[str, Any]:
    """Return the given keys of one group, after rejecting unknown and missing ones."""
    if not isinstance(given, Mapping):
        raise InputError(f"{where.rstrip('.')} is {given!r}; expected a dictionary of {_names(kind)}")
    known = {one.name: one for one in fields(kind)}
    for key in given:
        if key not in known:
            hint = suggest(str(key), known) or f"; expected one of {', '.join(known)}"
            raise InputError(f"{where}{key} is unknown{hint}")
    for name, one in known.items():
        if one.default is MISSING and one.default_factory is MISSING and given.get(name) is None:
            raise InputError(f"{where}{name} is missing; expected {one.type}; give it in the settings")
    return dict(given)


def _list(name: str, given: Any, example: str) -> tuple[Any, ...]:
    if not isinstance(given, list | tuple):
        raise InputError(f"{name} is {given!r}; expected a list as {example}")
    return tuple(given)


def _names(kind: type) -> str:
    return ", ".join(one.name for one in fields(kind))


def _check(read: MdSettings) -> None:
    if read.ensemble not in ENSEMBLES:
        hint = suggest(str(read.ensemble), ENSEMBLES) or f"; expected one of {', '.join(ENSEMBLES)}"
        raise InputError(f"ensemble is {read.ensemble!r}{hint}")
    positive: dict[str, Any] = {
        "temperature_K": read.temperature_K,
        "timestep_fs": read.timestep_fs,
        "friction_per_ps": read.friction_per_ps,
        "thermostat_time_fs": read.thermostat_time_fs,
        "barostat_time_fs": read.barostat_time_fs,
        "checkpoint_seconds": read.checkpoint_seconds,
        "ramp.start_K": read.ramp.start_K,
        "ramp.friction_per_ps": read.ramp.friction_per_ps,
        "stops.min_distance_factor": read.stops.min_distance_factor,
        "stops.max_temperature_K": read.stops.max_temperature_K,
        "stops.max_spread_eV_A": read.stops.max_spread_eV_A,
        "stops.max_framework_rmsd_A": read.stops.max_framework_rmsd_A,
    }
    for name, value in positive.items():
        if not (value is None and name.startswith("stops.")) and not (_is_number(value) and value > 0):
            raise InputError(f"{name} is {value}; expected a positive number")
    if not _is_number(read.pressure_GPa):
        raise InputError(f"pressure_GPa is {read.pressure_GPa}; expected a number")
    counts = {
        "n_steps": (read.n_steps, 1),
        "ramp.ramp_steps": (read.ramp.ramp_steps, 0),
        "ramp.hold_steps": (read.ramp.hold_steps, 0),
        "series_stride": (read.series_stride, 1),
        "sample_stride": (read.sample_stride, 1),
        "spread_stride": (read.spread_stride, 1),
        "trajectory_stride": (read.trajectory_stride, 1),
        "stops.stride": (read.stops.stride, 1),
        **{f"supercell[{axis}]": (count, 1) for axis, count in enumerate(read.supercell)},
        **{f"replicas[{index}].seed": (replica.seed, 0) for index, replica in enumerate(read.replicas)},
    }
    optional = ("sample_stride", "spread_stride", "trajectory_stride")
    for name, (value, least) in counts.items():
        if not (value is None and name in optional) and (
            not isinstance(value, int) or isinstance(value, bool) or value < least
        ):
            raise InputError(f"{name} is {value!r}; expected a whole number of at least {least}")
    if len(read.supercell) != 3:
        raise InputError(f"supercell is {list(read.supercell)}; expected three whole numbers, as [2, 2, 1]")
    unknown = [symbol for symbol in read.stops.framework if symbol not in chemical_symbols]
    if unknown:
        raise InputError(f"stops.framework names {unknown}; expected chemical symbols, as ['P', 'S']")
    if read.stops.max_framework_rmsd_A is not None and not read.stops.framework:
        raise InputError("stops.max_framework_rmsd_A is given without stops.framework; name the species, as ['P', 'S']")
    if not isinstance(read.device, str):
        raise InputError(f"device is {read.device!r}; expected auto, cpu or cuda")
    if read.dtype not in (None, "float32", "float64"):
        raise InputError(f"dtype is {read.dtype!r}; expected float32, float64 or null")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
