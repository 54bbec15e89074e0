"""Replicas that are one trajectory: a file under two names or in two formats, a part of it, or every n-th frame."""

from collections.abc import Sequence

import numpy as np

from aiida_elyte.science.trajectory.reduction import Series

__all__ = ["find_copy"]

_ALIKE = 0.1
"""Root mean square difference of two runs' steps, in units of the steps, up to which they are the same steps.

Positions rounded to 0.01 Å leave some hundredths; steps of independent runs differ by 1.4."""

_MIN_STEPS = 4
"""Steps in a row that must be the same."""

_MOST_STEPS = 32
"""Steps in a row that are compared."""

_THINNED = frozenset(range(1, 11))
"""Every so many frames may have been kept, whatever the intervals say: one of them may be wrong."""


def find_copy(series: Sequence[Series]) -> tuple[int, int] | None:
    """Return two series that are one trajectory, or parts of one that overlap; ``None`` when there are none.

    The steps of the sums over species are compared, relative to the centre of mass, which some programs put to rest: at
    all offsets, and over several samples. Independent runs share no steps, however alike their starts.

    Parameters
    ----------
    series
        Replicas of one system.
    """
    for later in range(1, len(series)):
        for earlier in range(later):
            pair = series[earlier], series[later]
            if _share_steps(*pair) or _share_steps(*pair[::-1]):
                return earlier, later
    return None


def _share_steps(fine: Series, coarse: Series) -> bool:
    """Tell whether the first steps of either series are among those of the other, over one or several samples of it."""
    names = sorted(fine.species)
    if names != sorted(coarse.species):
        return False
    ratio = coarse.interval_fs / fine.interval_fs
    lags = set(_THINNED)
    if 1 <= ratio < len(fine.time_fs) and abs(ratio - round(ratio)) <= 1e-3 * ratio:
        lags.add(round(ratio))
    fine_sums, coarse_sums = (_sums_of(one, names) for one in (fine, coarse))
    coarse_steps = np.diff(coarse_sums, axis=0)
    for lag in sorted(lags):
        fine_steps = fine_sums[lag:] - fine_sums[:-lag]
        if _begins_within(coarse_steps, fine_steps, lag):
            return True
        if any(_begins_within(fine_steps[offset::lag], coarse_steps, 1) for offset in range(lag)):
            return True
    return False


def _sums_of(series: Series, names: Sequence[str]) -> np.ndarray:
    """Return the sums over species relative to the centre of mass, of a single species as they are."""
    sums = series.collective_A
    if len(names) > 1:
        sums = sums - series.counts[None, :, None] * series.centre_of_mass_A[:, None]
    return np.asarray(sums[:, [series.species.index(name) for name in names]].reshape(len(sums), -1))


def _begins_within(needle: np.ndarray, hay: np.ndarray, lag: int) -> bool:
    """Tell whether the first rows of an array stand in another, every ``lag``-th row there."""
    needle = needle[:_MOST_STEPS]
    n_places = len(hay) - (_MIN_STEPS - 1) * lag
    size = float(np.sqrt(np.mean(needle**2))) if len(needle) else 0.0
    if n_places < 1 or len(needle) < _MIN_STEPS or not size > 0:
        return False
    # the first row alone leaves few places worth a closer look
    first = np.sqrt(np.mean((hay[:n_places] - needle[0]) ** 2, axis=1)) <= 3 * _ALIKE * size
    for place in np.flatnonzero(first):
        rows = hay[place::lag][: len(needle)]
        if np.sqrt(np.mean((rows - needle[: len(rows)]) ** 2)) <= _ALIKE * size:
            return True
    return False
