"""Commands by which LAMMPS runs a list of stages, from the start or from any restart file, in parts that join."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.stages import Stage, last_steps
from aiida_elyte.science.lammps.system import BONDED_KINDS, kspace, set_up
from aiida_elyte.science.trajectory.parts import part_name
from aiida_elyte.units import ATM_BAR, G_CM3

__all__ = [
    "DYNAMICS",
    "WRITTEN",
    "Point",
    "RunSettings",
    "kinds_of_data",
    "read_point",
    "read_run_settings",
    "run_input",
]

WRITTEN = "written.data"
"""Name of the data file that LAMMPS writes when it comes to the end, its coefficients with six digits."""

DYNAMICS = "dynamics of stage"
"""What is printed, with the number of the stage, before its dynamics begin."""

_CHECK_EVERY = 10
"""Steps between two looks at the clock."""

_TOLERANCES = "1.0e-6 1.0e-6"
"""Relative change of energy, and force [kcal/mol/Å], at which a minimisation is done."""


@dataclass(frozen=True)
class RunSettings:
    """What makes a run."""

    stages: tuple[Stage, ...]
    """What is done, one after the other."""
    seed: int
    """Seed of the first velocities and of random forces."""
    cutoff_A: float = 12.0
    """Cutoff in real space [Å]."""
    kspace_accuracy: float = 1e-5
    """Relative error of the forces of PPPM."""
    dump_stride: int = 1000
    """Steps between frames of production."""
    thermo_stride: int = 1000
    """Steps between records of temperature, pressure, energies."""
    restart_stride: int = 10000
    """Steps between restart files: as many are lost at most when a job is killed."""
    flags: tuple[str, ...] = ()
    """Arguments of `lmp` for accelerators, as ``-sf omp -pk omp 2``."""

    @property
    def identity(self) -> dict[str, Any]:
        """What a run and its continuation have in common: all but the length of the last stage, and the flags."""
        content = asdict(self)
        content["stages"][-1].pop("n_steps")
        for name in ("flags", "restart_stride"):
            content.pop(name)
        return content


class Point(NamedTuple):
    """Where a run can be taken up: step ``step`` of stage ``stage``, at its beginning, within it or at its end."""

    stage: int
    step: int

    @property
    def restart_name(self) -> str:
        """Name of its restart file."""
        return f"{_restart_of(self.stage)}{self.step}"


def read_point(name: str) -> Point | None:
    """Return the point of a restart file, ``None`` if the name is not that of one."""
    words = name.split(".")
    if len(words) != 3 or words[0] != "restart" or not (words[1].isdigit() and words[2].isdigit()):
        return None
    return Point(int(words[1]), int(words[2]))


def read_run_settings(given: Mapping[str, Any]) -> RunSettings:
    """Check settings as they come from JSON.

    Raises
    ------
    InputError
        If a key is unknown, a value is invalid, or production does not come last and in one piece.
    """
    known = [field.name for field in fields(RunSettings)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError(f"settings hold {', '.join(unknown)}; expected {', '.join(known)}; correct them")
    told = given.get("stages")
    if not isinstance(told, list | tuple) or not told:
        raise InputError(f"stages is {told!r}; expected a list of stages, each with name, kind and n_steps")
    stages = tuple(_read_stage(place, one) for place, one in enumerate(told))
    for name in ("seed", "dump_stride", "thermo_stride", "restart_stride"):
        value = given.get(name, None if name == "seed" else 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} is {value!r}; expected a whole number above zero")
    for name in ("cutoff_A", "kspace_accuracy"):
        value = given.get(name, 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and value > 0):
            raise InputError(f"{name} is {value!r}; expected a positive number")
    flags = given.get("flags") or ()
    if isinstance(flags, str) or not all(isinstance(flag, str) for flag in flags):
        raise InputError(f'flags is {flags!r}; expected a list of arguments, as ["-sf", "omp", "-pk", "omp", "2"]')
    produces = [stage.is_production for stage in stages]
    if produces != sorted(produces):
        raise InputError(
            f"stage {stages[produces.index(True)].name} is production, but others that are not follow it; "
            "expected production at the end, in one piece; order the stages"
        )
    for stage in stages:
        if stage.is_production and (stage.kind == "minimize" or stage.timestep_fs != stages[-1].timestep_fs):
            raise InputError(
                f"production stage {stage.name} is a {stage.kind} with timestep_fs {stage.timestep_fs:g}; expected "
                f"dynamics with the {stages[-1].timestep_fs:g} fs of the last"
            )
    return RunSettings(**{**given, "stages": stages, "flags": tuple(flags)})


def _read_stage(place: int, told: Any) -> Stage:
    known = [field.name for field in fields(Stage)]
    if not isinstance(told, Mapping) or not {"name", "kind", "n_steps"} <= set(told) <= set(known):
        raise InputError(f"stages[{place}] is {told!r}; expected name, kind, n_steps, and others of {', '.join(known)}")
    values = dict(told)
    for name in ("temperature_K", "pressure_bar"):
        if isinstance(value := values.get(name), int | float):
            values[name] = (value, value)
        elif isinstance(value, list | tuple):
            values[name] = tuple(value)
            if len(value) != 2:
                raise InputError(f"{name} of stages[{place}] is {value!r}; expected one number, or one for each end")
    return Stage(**values)


def kinds_of_data(lines: Iterable[str]) -> list[str]:
    """Return which kinds of rows of atoms a data file holds, by its header.

    Parameters
    ----------
    lines
        Lines of the data file, from its first.

    Raises
    ------
    InputError
        If the header counts no atoms.
    """
    counts = {}
    for place, line in enumerate(lines):
        words = line.split("#")[0].split()
        if place == 0 or not words:
            continue
        if words[0][0].isalpha():
            break
        if len(words) == 2 and words[0].isdigit():
            counts[words[1]] = int(words[0])
    if not counts.get("atoms"):
        raise InputError("data counts no atoms in its header; expected a data file of LAMMPS; give one")
    return [kind for kind in BONDED_KINDS if counts.get(kind)]


def run_input(
    settings: RunSettings,
    data_name: str,
    present: Sequence[str],
    *,
    start: Point | None = None,
    part: int = 0,
    seconds: float | None = None,
) -> str:
    """Write the input of a run, from its beginning or from a restart file to its end.

    Ramps go on as if never interrupted (``run … start … stop``), the thermostat as it stood; velocities are drawn once.
    At the end of a stage and when the time is over a restart file is written, and others at their stride. Frames are of
    unwrapped positions, sorted, with their times.

    Parameters
    ----------
    settings
        What to run.
    data_name, present
        Data file and what it holds, as in ``set_up``.
    start
        Restart file to go on from.
    part
        Number of the part of the trajectory that is written.
    seconds
        Time after which the run stops itself [s].

    Returns
    -------
    str
        Text of the input.
    """
    if start is None:
        lines = [set_up(present, data_name, settings.cutoff_A, settings.kspace_accuracy).rstrip()]
        start = Point(0, 0)
    else:
        lines = [f"read_restart {start.restart_name}", kspace(settings.kspace_accuracy)]
    lines += [
        "thermo_style custom step temp press density vol pe ke etotal",
        "thermo_modify format float %.10g flush yes",
        f"thermo {settings.thermo_stride}",
    ]
    if seconds is not None:
        lines.append(f"timer timeout {max(1, round(seconds))} every {_CHECK_EVERY}")
    ends = last_steps(settings.stages)
    is_dumped = False
    for index, (begin, end) in enumerate(zip((0, *ends), ends, strict=False)):
        stage = settings.stages[index]
        if index < start.stage or (stage.kind != "minimize" and start == (index, end)):
            continue
        at = Point(index, max(begin, start.step))
        if stage.kind == "minimize":
            lines += _minimize(settings, at, is_timed=seconds is not None)
            continue
        if stage.is_production and not is_dumped:
            lines += [
                f"dump trajectory all custom {settings.dump_stride} {part_name(part)} id mol type xu yu zu",
                "dump_modify trajectory sort id format float %.5f units yes time yes",
            ]
            is_dumped = True
        lines += _move(settings, at, begin, end)
    return "\n".join([*lines, f"write_data {WRITTEN}"]) + "\n"


def _minimize(settings: RunSettings, at: Point, is_timed: bool) -> list[str]:
    n_steps = settings.stages[at.stage].n_steps
    time = _time_fs(settings.stages[: at.stage])
    stopped = [f"reset_timestep {at.step} time {time}", f"write_restart {at.restart_name}", "quit 0"]
    return [
        "restart 0",
        f"minimize {_TOLERANCES} {n_steps} {10 * n_steps}",
        *([f'if "$(timeremain) <= 0" then {_quoted(stopped)}'] if is_timed else []),
        f"reset_timestep {at.step} time {time}",
        f"write_restart {Point(at.stage + 1, at.step).restart_name}",
    ]


def _time_fs(stages: Sequence[Stage]) -> float:
    return float(sum(stage.n_steps * stage.timestep_fs for stage in stages if stage.kind != "minimize"))


def _move(settings: RunSettings, at: Point, begin: int, end: int) -> list[str]:
    stage = settings.stages[at.stage]
    fixes = _fixes(stage, at.stage, _seed(settings, at))
    stopped = [f"write_restart {_restart_of(at.stage)}$(step)", "quit 0"]
    return [
        f'print "{DYNAMICS} {at.stage}"',
        f"timestep {stage.timestep_fs}",
        *(_first_velocities(settings, at) if at.step == begin else []),
        *(f"fix {name} all {what}" for name, what in fixes.items()),
        f"restart {settings.restart_stride} {_restart_of(at.stage)}*",
        f"run {end} upto start {begin} stop {end}",
        f'if "$(step) < {end}" then {_quoted(stopped)}',
        f"write_restart {Point(at.stage, end).restart_name}",
        *(f"unfix {name}" for name in fixes),
    ]


def _fixes(stage: Stage, number: int, seed: int) -> dict[str, str]:
    """Return name and arguments of the fixes that move the atoms of a stage.

    The state of the thermostat is found in a restart file under the name of its fix.
    """
    motion = f"motion_{number:03d}"
    bath = f"{stage.temperature_K[0]} {stage.temperature_K[1]} {stage.thermostat_fs}"
    if stage.kind == "push_off":
        limited, random = f"nve/limit {stage.max_displacement_A}", f"langevin {bath} {seed} zero yes"
        return {motion: limited, f"bath_{number:03d}": random}
    if stage.pressure_bar is not None:
        first, last = (pressure / ATM_BAR for pressure in stage.pressure_bar)
        return {motion: f"npt temp {bath} iso {first!r} {last!r} {stage.barostat_fs}"}
    fixes = {motion: f"nvt temp {bath}"}
    if stage.density_g_cm3 is not None:
        fixes[f"edges_{number:03d}"] = f"deform 1 {_edges_at(stage.density_g_cm3)} remap x units box"
    return fixes


def _first_velocities(settings: RunSettings, at: Point) -> list[str]:
    """Return what is done to the velocities where a stage begins: drawn once, later only the drift is taken off."""
    stage = settings.stages[at.stage]
    if all(earlier.kind == "minimize" for earlier in settings.stages[: at.stage]):
        temperature = stage.temperature_K[0]
        return [f"velocity all create {temperature} {_seed(settings, at)} mom yes rot yes dist gaussian"]
    if stage.kind == "push_off":  # a limited step keeps no momentum
        return []
    return ["velocity all zero linear"]


def _edges_at(density_g_cm3: float) -> str:
    """Return the edges that a box of right angles has at a density, scaled alike about its centre."""
    scale = f"(mass(all)*{G_CM3 / density_g_cm3!r}/vol)^(1/3)"
    edges = []
    for axis in "xyz":
        twice_centre, length = f"{axis}lo+{axis}hi", f"l{axis}*{scale}"
        low, high = f"0.5*({twice_centre}-{length})", f"0.5*({twice_centre}+{length})"
        edges.append(f"{axis} final $({low}:%.15g) $({high}:%.15g)")
    return " ".join(edges)


def _quoted(commands: Iterable[str]) -> str:
    return " ".join(f'"{command}"' for command in commands)


def _restart_of(stage: int) -> str:
    return f"restart.{stage:03d}."


def _seed(settings: RunSettings, at: Point) -> int:
    """Return a seed LAMMPS takes, another one for each point: a run taken up must not repeat its random forces."""
    return int(np.random.SeedSequence([settings.seed, *at]).generate_state(1)[0]) % 899_999_999 + 1
