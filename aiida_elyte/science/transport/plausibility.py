"""Do time step and temperature make sense? No ion outruns its thermal velocity."""

import math
from collections.abc import Iterator
from itertools import chain, repeat

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.units import ACCELERATION, BOLTZMANN_EV_K, CM2_S, GPA

__all__ = ["check_time_step"]

_BALLISTIC = 1.5
"""Mean squared displacement over that of free flight from which on a step is impossible: room for noise and for a
temperature that is not quite the one given."""

_TOGETHER = 0.9
"""Correlation of displacement and velocity from which on one tells the length of the other: frames are close enough.

It does not depend on the time step. For velocities that decay exponentially displacement and mean velocity times step
then agree within a tenth; in vibrations they still do within a third."""

_APART = 1.5
"""Ratio of displacement to mean velocity times step, or its inverse, from which on one of them is wrong."""

_FLYING = 3.0
"""Mean squared displacement over two samples over that over one, from which on ions fly: 4 in free flight, 3 after a
sixth of a vibration, 2 or less once they collide. The time of a flight is known to a tenth, whatever forces act."""

_TOO_LONG = 1.5
"""Time given over the time of the flight, from which on it is too long: room for a temperature 2.25 times
lower than the one given."""

_TOO_LONG_SUMS = 3.0
"""The same for the sums over species, whose few samples scatter more."""

_MIN_FLIGHTS = 200
"""Displacements, three to a particle and step, that a flight must be seen in."""

_STIFFEST_N_M = 1500.0
"""Force constant of the stiffest bonds [N/m]: a triple bond has 1600, but its atoms have softer directions too."""

_STILL_FS, _STILL = 100.0, 0.5
"""Time after which a vibration has forgotten where it was [fs], and part of its displacement then that must be seen."""

_FIXED_A = 1e-4
"""Root mean square step up to which atoms are held fixed [Å]: they say nothing of time."""

_MOST_VALUES = 5_000_000
"""Displacements looked at, the last ones: more of them make no difference."""

_HOTTEST, _COLDEST = 1.3, 0.05
"""Kinetic temperature over the one given from which on, and up to which, one of them is wrong: rigid bonds and atoms
that are held fixed lower it, nothing raises it."""

_EV_A2 = GPA * 1e-9 / 1e-10
"""N/m in eV/Å²: a force constant is a pressure times a length."""

_GASEOUS = 1e-2
"""Diffusion coefficient [cm²/s] that no condensed matter has: a liquid's is 1e-5."""


def check_time_step(series: Series, temperature_K: float) -> str | None:
    r"""Tell what is absurd about the time between samples, or the temperature, if anything.

    No motion is faster than free flight at thermal velocity,

    .. math:: \langle |r_i(t + \Delta t) - r_i(t)|^2 \rangle \le \frac{3 k_B T}{m} \Delta t^2

    so that a larger displacement shows a step given too small. One given too large looks like slow diffusion. It shows
    in three ways. Where ions still fly from sample to sample, the mean squared displacement over two steps being more
    than three times that over one, equality holds, and gives the time. Where the series hold currents, the displacement
    over one step is the mean velocity times the step, as long as the two are correlated. And atoms that move less in
    100 fs or more than the stiffest vibration makes them move cannot have been given that time. Displacements are taken
    relative to the centre of mass of all atoms, and of the species.

    Parameters
    ----------
    series
        One replica.
    temperature_K
        Temperature T [K].

    Returns
    -------
    str or None
        What is wrong, with its numbers and a remedy; ``None`` when the step is plausible.

    Raises
    ------
    InputError
        If the temperature is not positive.
    """
    if not (math.isfinite(temperature_K) and temperature_K > 0):
        raise InputError(f"temperature_K is {temperature_K}; expected a positive number; give that of the run")
    if len(series.time_fs) < 2:
        return None
    return (
        _faster_than_flight(series, temperature_K)
        or _unlike_velocities(series)
        or _still_flying(series, temperature_K)
        or _standing_still(series, temperature_K)
        or _other_temperature(series, temperature_K)
        or _gaseous(series)
    )


def _moved(series: Series, species: str) -> np.ndarray:
    """Return displacements of the tracked particles of a species, float32, shape ``(T, N, 3)`` [Å]."""
    drift = series.centre_of_mass_A[:: series.tracked_every].astype(np.float32)
    chosen = np.array(series.tracked) == species
    begin = -max(3, _MOST_VALUES // (3 * max(1, int(chosen.sum()))))
    return series.displacements_A[begin:, chosen] - drift[begin:, None]


def _faster_than_flight(series: Series, temperature_K: float) -> str | None:
    step_fs = series.tracked_interval_fs
    worst, said = _BALLISTIC, None
    for name in dict.fromkeys(series.tracked):
        steps = np.diff(_moved(series, name), axis=0)
        if not steps.size:
            continue
        msd = float(np.einsum("tnd,tnd->", steps, steps, dtype=float)) / (steps.size / 3)
        mass = float(series.masses[series.species.index(name)])
        velocity = math.sqrt(3 * BOLTZMANN_EV_K * temperature_K / mass * ACCELERATION)
        ratio = msd / (velocity * step_fs) ** 2
        if ratio > worst:
            worst = ratio
            said = (
                f"{name} moves {math.sqrt(msd):.3g} Å in {step_fs:g} fs (root mean square), {math.sqrt(ratio):.3g} "
                f"times as far as free flight at {temperature_K:g} K would take it; expected at least "
                f"{math.sqrt(msd) / velocity:.3g} fs for that; give the time step in fs, or the temperature of the run"
            )
    return said


def _still_flying(series: Series, temperature_K: float) -> str | None:
    """Look for ions that fly from sample to sample, in a time that their flight does not take."""
    flights = chain(zip(_particles(series), repeat(False)), zip(_sums(series), repeat(True)))  # one held at a time
    for (name, step_fs, moved), is_sum in flights:
        if len(moved) < 3 or moved[1:].size < _MIN_FLIGHTS:
            continue
        one, two = (float(np.mean((moved[lag:] - moved[:-lag]) ** 2, dtype=float)) for lag in (1, 2))
        if not two > _FLYING * one > 0:
            continue
        place = series.species.index(name)
        mass, count = float(series.masses[place]), float(series.counts[place])
        velocity = math.sqrt(BOLTZMANN_EV_K * temperature_K / mass * ACCELERATION)  # along one axis
        if is_sum:  # the sum over a species moves √count times as far, less what all atoms share
            velocity *= math.sqrt(count * (1 - mass * count / float(series.masses @ series.counts)))
        if not velocity > 0:
            continue
        flight_fs = math.sqrt(one) / velocity
        if step_fs > (_TOO_LONG_SUMS if is_sum else _TOO_LONG) * flight_fs:
            return (
                f"{name} flies straight on from one sample to the next, {step_fs:g} fs later, but so slowly that "
                f"thermal motion at {temperature_K:g} K takes {flight_fs:.3g} fs for it; expected ions that collide "
                f"within {step_fs:g} fs; give the time between frames, or the MD step, with --timestep-fs"
            )
    return None


def _particles(series: Series) -> Iterator[tuple[str, float, np.ndarray]]:
    """Yield each species with its time step [fs] and the displacements of its particles [Å]."""
    for name in dict.fromkeys(series.tracked):
        moved = _moved(series, name)
        if moved.shape[1] > 1:
            # less what the species does as a whole: it flows where a field drives it
            mean = moved.mean(axis=1, keepdims=True)
            scale = math.sqrt(moved.shape[1] / (moved.shape[1] - 1))
            yield name, series.tracked_interval_fs, (moved - mean) * scale


def _sums(series: Series) -> Iterator[tuple[str, float, np.ndarray]]:
    """Yield each species with its time step [fs] and the sum of the displacements of its particles [Å]."""
    if len(series.species) > 1:
        for place, name in enumerate(series.species):
            drift = series.counts[place] * series.centre_of_mass_A
            yield name, series.interval_fs, series.collective_A[:, place] - drift


def _standing_still(series: Series, temperature_K: float) -> str | None:
    """Look for ions that move less from sample to sample than the stiffest bonds make them."""
    step_fs = series.tracked_interval_fs
    if step_fs < _STILL_FS:
        return None
    least = _STILL * math.sqrt(6 * BOLTZMANN_EV_K * temperature_K / (_STIFFEST_N_M * _EV_A2))
    for name, _, moved in _particles(series):
        if len(moved) < 2:
            continue
        steps = np.diff(moved, axis=0)
        length = math.sqrt(3 * float(np.mean(steps**2, dtype=float)))
        if _FIXED_A < length < least:
            return (
                f"{name} moves {length:.2g} Å in {step_fs:g} fs (root mean square); expected {least:.2g} Å or more, "
                f"which the stiffest bonds allow at {temperature_K:g} K; give the time between frames, or the MD step, "
                "with --timestep-fs"
            )
    return None


def _unlike_velocities(series: Series) -> str | None:
    """Compare displacements over one step with the mean of the velocities at its ends, in thermal units."""
    if not len(series.currents_A_fs):
        return None
    scale = np.sqrt(series.masses / series.counts)[:, None]  # makes the currents of all species alike at equilibrium
    moved = np.diff(series.collective_A, axis=0) * scale
    flown = 0.5 * (series.currents_A_fs[1:] + series.currents_A_fs[:-1]) * scale * series.interval_fs
    product, squares = float((moved * flown).sum()), (float((moved**2).sum()), float((flown**2).sum()))
    if not product > _TOGETHER * math.sqrt(squares[0] * squares[1]):
        return None
    ratio = product / squares[1]
    if 1 / _APART < ratio < _APART:
        return None
    return (
        f"ions move {ratio:.3g} times as far in {series.interval_fs:g} fs as their velocities tell; expected as far; "
        f"give the right time step (frames {ratio * series.interval_fs:.3g} fs apart would fit) or unit of velocities"
    )


def _other_temperature(series: Series, temperature_K: float) -> str | None:
    """Compare the kinetic temperature with the one given."""
    known = series.temperature_K[np.isfinite(series.temperature_K)]
    if not len(known):
        return None
    ratio = float(known.mean()) / temperature_K
    scatter = math.sqrt(2 / (3 * float(series.counts.sum())))  # of a single frame
    if _COLDEST <= ratio <= _HOTTEST + 3 * scatter:
        return None
    return (
        f"velocities make a kinetic temperature of {known.mean():.4g} K; expected about {temperature_K:g} K; give the "
        "temperature of the run, and the unit of its velocities (--lammps-units)"
    )


def _gaseous(series: Series) -> str | None:
    """Look at the displacements over half the run."""
    for name in dict.fromkeys(series.tracked):
        moved = _moved(series, name)
        half = (len(moved) - 1) // 2
        if not half:
            return None
        moved = moved[: 2 * half + 1 : half].astype(float)
        msd = float((np.diff(moved, axis=0) ** 2).sum(axis=2).mean())
        found = msd / (6 * half * series.tracked_interval_fs) * CM2_S
        if found > _GASEOUS:
            return (
                f"{name} diffuses at about {found:.2g} cm2/s; expected below {_GASEOUS:g} in a liquid or solid; "
                "give the time step in fs"
            )
    return None
