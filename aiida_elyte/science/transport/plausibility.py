"""Does the time step make sense? No ion outruns its thermal velocity."""

import math

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.units import ACCELERATION, BOLTZMANN_EV_K, CM2_S

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

_GASEOUS = 1e-2
"""Diffusion coefficient [cm²/s] that no condensed matter has: a liquid's is 1e-5."""


def check_time_step(series: Series, temperature_K: float) -> str | None:
    r"""Tell what is absurd about the time between samples, if anything.

    No motion is faster than free flight at thermal velocity,

    .. math:: \langle |r_i(t + \Delta t) - r_i(t)|^2 \rangle \le \frac{3 k_B T}{m} \Delta t^2

    so that a larger displacement shows a step given too small. One given too large looks like slow diffusion and shows
    only where the series hold currents: the displacement over one step is the mean velocity times the step, as long as
    the two are correlated. Displacements are taken relative to the centre of mass of all atoms.

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
        When the temperature is not positive.
    """
    if not (math.isfinite(temperature_K) and temperature_K > 0):
        raise InputError(f"temperature_K is {temperature_K}; expected a positive number; give that of the run")
    if len(series.time_fs) < 2:
        return None
    return _faster_than_flight(series, temperature_K) or _unlike_velocities(series) or _gaseous(series)


def _moved(series: Series, species: str) -> np.ndarray:
    """Return displacements of the tracked particles of a species, float32, shape ``(T, N, 3)`` [Å]."""
    drift = series.centre_of_mass_A[:: series.tracked_every].astype(np.float32)
    return series.displacements_A[:, np.array(series.tracked) == species] - drift[:, None]


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


def _gaseous(series: Series) -> str | None:
    """Look at the displacements over half the run."""
    half = (len(series.displacements_A) - 1) // 2
    if not half:
        return None
    for name in dict.fromkeys(series.tracked):
        moved = _moved(series, name)[: 2 * half + 1 : half].astype(float)
        msd = float((np.diff(moved, axis=0) ** 2).sum(axis=2).mean())
        found = msd / (6 * half * series.tracked_interval_fs) * CM2_S
        if found > _GASEOUS:
            return (
                f"{name} diffuses at about {found:.2g} cm2/s; expected below {_GASEOUS:g} in a liquid or solid; "
                "give the time step in fs"
            )
    return None
