"""Stages that turn a loose box into one of liquid density: push-off, 21 steps of compression and decompression, NPT."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.stages import Stage
from aiida_elyte.science.settings import Count, Positive, Settings
from aiida_elyte.science.statistics.equilibration import FEWEST

__all__ = ["Compression", "compression_stages", "push_off_stages", "schedule_rows"]

_CYCLES = (
    (50, 50, 0.02, 50),
    (50, 100, 0.6, 50),
    (50, 100, 1.0, 50),
    (50, 100, 0.5, 5),
    (5, 10, 0.1, 5),
    (5, 10, 0.01, 5),
)
"""Of each cycle the length of NVT at the highest temperature and at the target [ps], the pressure as a part of the
highest [1], and the length of NPT at that pressure and the target temperature [ps]. A
seventh cycle ends with step 21, at the target."""

_LAST_CYCLE = (5, 10)
"""NVT of the seventh cycle [ps]."""

_TOTAL_PS = sum(hot + cold + pressed for hot, cold, _, pressed in _CYCLES) + sum(_LAST_CYCLE)
"""Length of the first 20 steps as published [ps]; step 21 takes another 800."""


@dataclass(frozen=True)
class Compression(Settings):
    """How a loose box is compressed.

    Raises
    ------
    InputError
        If a number is not positive, a count not whole, or the settling has too few records.
    """

    minimize_iterations: Count = 1000
    """Most iterations of the minimisation."""
    push_off_ps: Positive = 2.0
    """Time in which no atom moves further than ``max_displacement_A`` in a step [ps]."""
    loose_ps: Positive = 2.0
    """NVT of the loose box at the target temperature [ps]."""
    compression_ps: Positive = 760.0
    """Length of the 20 steps of compression and decompression together [ps]."""
    settling_ps: Positive = 800.0
    """NPT at the target, whose end is to be equilibrium [ps]."""
    max_temperature_K: Positive = 600.0
    """Highest temperature [K]; where the target is above it, the target."""
    max_pressure_bar: Positive = 50000.0
    """Highest pressure [bar]."""
    timestep_fs: Positive = 1.0
    """Time step [fs]."""
    max_displacement_A: Positive = 0.1
    """Most that an atom moves in a step of the push-off [Å]."""
    thermostat_fs: Positive = 100.0
    """Time constant of the thermostat [fs]."""
    barostat_fs: Positive = 1000.0
    """Time constant of the barostat [fs]."""
    cutoff_A: Positive = 12.0
    """Cutoff of forces in real space [Å]."""
    kspace_accuracy: Positive = 1e-5
    """Relative error of the forces of PPPM [1]."""
    record_stride: Count = 100
    """Steps between records of density, pressure, temperature and energy."""

    def __post_init__(self) -> None:
        super().__post_init__()
        n_records = 1000 * self.settling_ps / self.timestep_fs / self.record_stride
        if n_records < FEWEST:
            raise InputError(
                f"settling_ps is {self.settling_ps:g}, with {n_records:.0f} records; expected "
                f"{FEWEST} or more, which tell whether a box has settled; make it longer, or record_stride smaller"
            )


def push_off_stages(temperature_K: float, settings: Compression) -> list[Stage]:
    """Return the stages of the loose box: minimisation, push-off, and NVT.

    Parameters
    ----------
    temperature_K
        Target temperature [K].
    settings
        Lengths and time constants.
    """
    return [
        Stage("minimize", "minimize", settings.minimize_iterations, (temperature_K, temperature_K)),
        _stage("push_off", "push_off", settings.push_off_ps, temperature_K, settings),
        _stage("loose", "nvt", settings.loose_ps, temperature_K, settings),
    ]


def compression_stages(temperature_K: float, pressure_bar: float, settings: Compression) -> list[Stage]:
    """Return the stages from a loose box to equilibrium: those of the push-off, and the 21 steps.

    Six cycles of NVT at T_max, NVT at T and NPT at P and T have P = 0.02, 0.6, 1, 0.5, 0.1 and 0.01 of P_max: three
    compress, three decompress. The seventh ends with NPT at the target. As published they take 760 + 800 ps, with
    T_max = 600 K or above and P_max = 50 kbar; here the first 20 are scaled to ``compression_ps`` together.

    Parameters
    ----------
    temperature_K, pressure_bar
        The target [K], [bar].
    settings
        Lengths, extremes and time constants.

    Returns
    -------
    list of Stage
        ``minimize``, ``push_off``, ``loose``, ``compress_01`` … ``compress_20``, ``settle``; the last is of production.

    References
    ----------
    Larsen, Lin, Hart and Colina, Macromolecules 44, 6944 (2011). https://doi.org/10.1021/ma201301x
    """
    scale = settings.compression_ps / _TOTAL_PS
    hot_K = max(settings.max_temperature_K, temperature_K)
    steps: list[tuple[float, float, float | None]] = []
    for hot_ps, cold_ps, part, pressed_ps in _CYCLES:
        pressed_bar = part * settings.max_pressure_bar
        steps += [(hot_ps, hot_K, None), (cold_ps, temperature_K, None), (pressed_ps, temperature_K, pressed_bar)]
    steps += [(_LAST_CYCLE[0], hot_K, None), (_LAST_CYCLE[1], temperature_K, None)]
    stages = push_off_stages(temperature_K, settings)
    for number, (length_ps, at_K, at_bar) in enumerate(steps, 1):
        kind = "nvt" if at_bar is None else "npt"
        stages.append(_stage(f"compress_{number:02d}", kind, scale * length_ps, at_K, settings, at_bar))
    stages.append(_stage("settle", "npt", settings.settling_ps, temperature_K, settings, pressure_bar, True))
    return stages


def _stage(
    name: str,
    kind: str,
    length_ps: float,
    temperature_K: float,
    settings: Compression,
    pressure_bar: float | None = None,
    is_production: bool = False,
) -> Stage:
    return Stage(
        name,
        kind,
        max(1, round(1000 * length_ps / settings.timestep_fs)),
        (temperature_K, temperature_K),
        None if pressure_bar is None else (pressure_bar, pressure_bar),
        settings.timestep_fs,
        settings.max_displacement_A,
        settings.thermostat_fs,
        settings.barostat_fs,
        is_production,
    )


def schedule_rows(stages: Sequence[Stage]) -> list[list[str]]:
    """Return the stages as a table: name, kind, time at the end [ps], temperature [K], pressure [bar]."""
    rows = [["stage", "does", "until / ps", "T / K", "P / bar"]]
    time_ps = 0.0
    for stage in stages:
        if stage.kind != "minimize":
            time_ps += stage.n_steps * stage.timestep_fs / 1000
        pressure = "" if stage.pressure_bar is None else _range(stage.pressure_bar)
        temperature = "" if stage.kind == "minimize" else _range(stage.temperature_K)
        rows.append([stage.name, stage.kind, f"{time_ps:.2f}", temperature, pressure])
    return rows


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"
