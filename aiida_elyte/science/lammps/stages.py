"""The stages of a long run of one box: minimisation, push-off, constant volume, constant pressure; engine-neutral."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from aiida_elyte.errors import InputError

__all__ = ["KINDS", "Stage", "last_steps"]

KINDS = ("minimize", "push_off", "nvt", "npt")
"""What a stage does: descend in energy; move no atom beyond a limit in a step; constant volume; constant pressure."""


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Raises
    ------
    InputError
        If kind, steps, temperatures or pressures do not fit a stage.
    """

    name: str
    """Its name, e.g. ``compress_07``."""
    kind: str
    """One of ``KINDS``."""
    n_steps: int
    """Steps; of ``minimize`` the most iterations."""
    temperature_K: tuple[float, float] = (300.0, 300.0)
    """Temperature of the thermostat at the start and the end [K]; the ramp is linear."""
    pressure_bar: tuple[float, float] | None = None
    """Pressure of the barostat at the start and the end [bar], isotropic; of ``npt`` only."""
    timestep_fs: float = 1.0
    """Time step [fs]."""
    max_displacement_A: float = 0.1
    """Most that an atom moves in a step of ``push_off`` [Å]."""
    thermostat_fs: float = 100.0
    """Time constant of the thermostat [fs]."""
    barostat_fs: float = 1000.0
    """Time constant of the barostat [fs]."""
    is_production: bool = False
    """Whether frames of the trajectory are written."""
    density_g_cm3: float | None = None
    """Density to which the edges of the box, at right angles, are scaled alike in the course of the stage [g/cm³]; of
    ``nvt`` only, ``None`` leaves the box as it is."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind of stage {self.name} is {self.kind!r}; expected {', '.join(KINDS)}")
        if isinstance(self.n_steps, bool) or not isinstance(self.n_steps, int) or self.n_steps < 1:
            raise InputError(f"n_steps of stage {self.name} is {self.n_steps!r}; expected a whole number above zero")
        if not all(isfinite(value) and value > 0 for value in (*self.temperature_K, self.timestep_fs)):
            raise InputError(
                f"temperature_K and timestep_fs of stage {self.name} are {self.temperature_K} and {self.timestep_fs}; "
                "expected positive numbers; correct them"
            )
        if (self.kind == "npt") != (self.pressure_bar is not None):
            raise InputError(
                f"pressure_bar of stage {self.name} is {self.pressure_bar}; expected one for npt and none for the "
                "others"
            )
        wanted = self.density_g_cm3
        if wanted is not None and not (self.kind == "nvt" and isfinite(wanted) and wanted > 0):
            raise InputError(
                f"density_g_cm3 of stage {self.name}, a {self.kind}, is {wanted}; expected a positive number, of nvt "
                "only"
            )


def last_steps(stages: Sequence[Stage]) -> tuple[int, ...]:
    """Return the step at which each stage ends, counted over the whole run; a minimisation counts no steps."""
    ends, step = [], 0
    for stage in stages:
        step += 0 if stage.kind == "minimize" else stage.n_steps
        ends.append(step)
    return tuple(ends)
