"""The time between two frames: what the file says of it, what the user says, and which of both holds.

A header can be wrong by a factor: CP2K counts DCD files in fs where others count in AKMA units, converters write 1 ps a
frame. So what the user gives overrules the file, with a warning that names both.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.units import AKMA_FS, ATOMIC_FS

__all__ = ["Interval", "interval_of", "is_next", "mark_of", "spacing_of", "tolerance_of"]

_SINGLE = 5e-7
"""Relative error of a difference of times kept in single precision, in units of the times themselves."""

_BLURRED = 1e-2
"""Relative error of the time between frames from which on it is reported."""

_TOLERANCE = 1e-3
"""Largest relative difference between a time given and the file's own at which they are taken for the same."""

_MD_STEP_FS = (0.05, 10.0)
"""Range of MD steps of atoms [fs]: the lightest vibrate with a period of 9 fs, which needs some ten steps; with rigid
bonds and heavy hydrogen 4 to 5 fs are taken. Electrons propagated in time need less than the lower bound, ions not."""

_UNITS_FS = (AKMA_FS, 1000.0, ATOMIC_FS)
"""Units in which times are mistaken for fs: AKMA of CHARMM and NAMD, ps, atomic units [fs]."""

_CONVERTER_FS = 1000.0
"""Time between frames that converters write where they know none [fs]."""


@dataclass(frozen=True)
class Interval:
    """Time from one frame of the file to the next."""

    fs: float
    """The time [fs]; NaN when there is only one frame."""
    source: str
    """Where it comes from."""
    warnings: tuple[str, ...] = ()
    """Sentences on what contradicts it, or makes it doubtful."""


def mark_of(snapshot: Snapshot) -> float | None:
    """Return the number whose differences tell whether frames are evenly spaced; ``None`` where there is none."""
    for mark in (snapshot.counter, snapshot.time_fs, snapshot.step):
        if mark is not None:
            return mark
    return None


def spacing_of(first: Snapshot, second: Snapshot) -> float | None:
    """Return the difference of the marks; ``None`` where there are none, or all times are alike and tell nothing."""
    before, after = mark_of(first), mark_of(second)
    if before is None or after is None:
        return None
    is_untold = first.counter is None and first.time_fs is not None and after == before
    return None if is_untold else after - before


def tolerance_of(snapshot: Snapshot, spacing: float) -> float:
    """Return by how much the difference of two marks may be off an even spacing."""
    is_exact = snapshot.time_fs is None or snapshot.counter is not None
    return 0.0 if is_exact else 1e-3 * spacing + _SINGLE * abs(mark_of(snapshot) or 0.0)


def is_next(snapshot: Snapshot, before: float, spacing: float) -> bool:
    """Tell whether a frame comes one spacing after a mark."""
    mark = mark_of(snapshot)
    return mark is not None and abs(mark - before - spacing) <= tolerance_of(snapshot, spacing)


def interval_of(path: Path, first: Snapshot, second: Snapshot, timestep_fs: float | None) -> Interval:
    """Return the time between the first two frames of a file.

    A time that is given is the MD step where the file counts steps and no times. Where it tells times, the given one
    overrules them: as the time between frames, or as the MD step where frames are several steps apart and the value is
    the file's own step, in the file's unit or in another, or short enough for one.

    Raises
    ------
    InputError
        If frames are not later one than the other, or neither the file nor the user tells the time.
    """
    spacing = spacing_of(first, second)
    if spacing is not None and not spacing > 0:
        raise InputError(
            f"frame 1 of {path} is not later than the first; expected steps or times that grow; cut the file"
        )
    n_steps = second.step - first.step if first.step is not None and second.step is not None else 0
    if first.time_fs is None or second.time_fs is None or not second.time_fs > first.time_fs:
        return _given(path, first, n_steps, timestep_fs)
    own_fs = second.time_fs - first.time_fs
    blur_fs = _blur_of(first.time_fs, second.time_fs)
    if n_steps > 0 and second.step:  # times in single precision: exact steps make a difference of large ones exact
        by_steps = second.time_fs / second.step * n_steps
        if abs(by_steps - own_fs) <= _SINGLE * second.time_fs:
            own_fs, blur_fs = by_steps, 0.0
    if timestep_fs is None:
        source = getattr(first, "time_source", "")
        said = f"as the file says ({source})" if source else "as the file says"
        doubts = _doubts(first, own_fs, n_steps)
        if blur_fs > _BLURRED * own_fs:
            text = (
                f"the file keeps its times in single precision, which tells {own_fs:g} fs from frame to frame to "
                f"within {blur_fs:.2g} fs only; give the time between frames with --timestep-fs"
            )
            doubts = (*doubts, text)
        return Interval(own_fs, said, doubts)
    if _are_alike(timestep_fs, own_fs) or (n_steps > 0 and _are_alike(timestep_fs, own_fs / n_steps)):
        return Interval(own_fs, "as the file and --timestep-fs say")
    is_step = n_steps > 1 and _is_md_step(timestep_fs, own_fs, n_steps)
    found = timestep_fs * n_steps if is_step else timestep_fs
    meaning = f"--timestep-fs {timestep_fs:g}"
    source = f"{meaning} × {n_steps} MD steps" if is_step else meaning
    file = f"the file says that frames are {own_fs:g} fs apart"
    if n_steps > 1:
        file += f" ({n_steps} MD steps of {own_fs / n_steps:g} fs)"
    return Interval(found, source, (f"{file}; {source} makes them {found:g} fs, which is taken",))


def _blur_of(first_fs: float, second_fs: float) -> float:
    """Return by how much the difference of two times may be off [fs], where they are single-precision numbers of ps."""
    singles = [np.float32(time_fs / 1000.0) for time_fs in (first_fs, second_fs)]
    if any(1000.0 * float(single) != time_fs for single, time_fs in zip(singles, (first_fs, second_fs), strict=True)):
        return 0.0
    return 500.0 * sum(float(np.spacing(abs(single))) for single in singles)


def _given(path: Path, first: Snapshot, n_steps: int, timestep_fs: float | None) -> Interval:
    """Return the time between frames of a file that tells none."""
    counts_steps = first.time_fs is None and first.step is not None
    if timestep_fs is None:
        raise InputError(
            f"{path} tells no times; expected "
            + ("the MD step [fs]" if counts_steps else "the time between its frames [fs]")
            + "; give --timestep-fs (timestep_fs in Python)"
        )
    if not counts_steps:
        return Interval(timestep_fs, f"--timestep-fs {timestep_fs:g}")
    source = f"--timestep-fs {timestep_fs:g} × {n_steps} MD steps"
    doubts: tuple[str, ...] = ()
    if n_steps > 1 and timestep_fs > _MD_STEP_FS[1]:
        text = (
            f"--timestep-fs is {timestep_fs:g} fs, and the file counts MD steps, {n_steps} from frame to frame; "
            f"expected an MD step, below {_MD_STEP_FS[1]:g} fs for atoms; if frames are {timestep_fs:g} fs apart give "
            f"--timestep-fs {timestep_fs / n_steps:g}"
        )
        doubts = (text,)
    return Interval(timestep_fs * n_steps, source, doubts)


def _are_alike(one: float, other: float) -> bool:
    return abs(one / other - 1) <= _TOLERANCE


def _is_md_step(timestep_fs: float, own_fs: float, n_steps: int) -> bool:
    """Tell whether a time given is meant as the MD step of a file whose frames are several steps apart."""
    for unit in _UNITS_FS:
        for factor in (unit, 1 / unit):
            if _are_alike(timestep_fs * factor, own_fs):
                return False
            if _are_alike(timestep_fs * factor, own_fs / n_steps):
                return True
    return timestep_fs <= _MD_STEP_FS[1]


def _doubts(first: Snapshot, own_fs: float, n_steps: int) -> tuple[str, ...]:
    """Return what makes the times of a file doubtful."""
    if n_steps > 1:
        step = own_fs / n_steps
        lowest, highest = _MD_STEP_FS
        if lowest <= step <= highest:
            return ()
        others = [
            f"{step * factor:.4g} fs if it counts in {name}"
            for name, factor in (("fs and not in AKMA units", 1 / _UNITS_FS[0]), ("ps", _UNITS_FS[1]))
            if lowest <= step * factor <= highest
        ]
        return (
            f"the file says that its MD step is {step:.4g} fs; expected {lowest:g} to {highest:g} fs for atoms"
            + (f" ({' or '.join(others)})" if others else "")
            + "; give the MD step with --timestep-fs",
        )
    if math.isclose(own_fs, _CONVERTER_FS, rel_tol=1e-5) and not first.time_fs:  # MD steps stand still, or count frames
        text = (
            "the file counts frames from 0 at exactly 1 ps each, which looks like the default of a converter; give "
            "the time between frames with --timestep-fs if it is another"
        )
        return (text,)
    return ()
