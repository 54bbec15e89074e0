"""Where the ions diffuse: the range of lags in which the tracer MSD grows like time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.displacement import mean_squared_displacement, tracer_chunks
from aiida_elyte.science.transport.references import Reference, reference_of
from aiida_elyte.science.transport.spectrum import find_level, mode_bins, mode_frequencies, sine_modes, tilt_evidence

__all__ = ["MsdCurve", "Window", "find_window", "msd_curve", "usable_series"]

TOLERANCE = 0.1
"""A log–log slope within 1 ± 0.1 is called diffusive."""

_RUNS_PER_LAG = 3
"""A run is at least so many times as long as the longest lag: beyond, the MSD is all noise."""

_MIN_SPAN = 3.0
"""A window spans at least this ratio of lags: a crossing of slope 1 on the way from ballistic to caged is narrower."""

_SUBDIFFUSIVE = 0.15
"""Exponent of the spectrum from which on it is a power law rather than level."""

_LEAST_ODDS = 1.0
"""Logarithm of the odds from which on a spectrum passes for level."""

_SLACK = 2.0
"""Standard errors by which a fitted slope may miss the tolerance."""

_BAND = 4.0
"""Highest frequency of the spectrum asked, in inverses of the shortest lag of a window."""

_LEAST_ERROR = 0.01
"""Relative error of an MSD below which it gets no more weight in a fit."""

_GROUPS = 16
"""Groups of ions per replica over which the jackknife of the slope goes."""

_PER_OCTAVE = 4
"""Points per doubling of the lag at which the slope is judged."""

_MIN_LAGS = 8
"""Fewer lags than this show no power law."""


@dataclass(frozen=True)
class Window:
    """A range of lags, and the slope of ln MSD against ln t in it."""

    start_fs: float
    """Shortest lag [fs]."""
    end_fs: float
    """Longest lag [fs]."""
    slope: float
    """Log–log slope over the window."""
    slope_error: float
    """Its standard error, jackknife over groups of ions and replicas."""

    def describe(self) -> str:
        """Say where the motion is diffusive."""
        return (
            f"diffusive from {self.start_fs / 1e3:.3g} to {self.end_fs / 1e3:.3g} ps "
            f"(log–log slope {self.slope:.2f} ± {self.slope_error:.2f})"
        )


@dataclass(frozen=True)
class MsdCurve:
    """Tracer MSD of one species over all ions, time origins and replicas, on lags spaced evenly in their logarithm."""

    species: str
    """Chemical symbol."""
    lag_fs: np.ndarray
    """Lags up to half the length of a replica [fs], shape ``(L,)``."""
    msd_A2: np.ndarray
    """Mean squared displacement [Å²], shape ``(L,)``."""
    msd_error_A2: np.ndarray
    """Its standard error: the larger of that over replicas and that over groups of ions [Å²], shape ``(L,)``."""
    msd_limit_A2: np.ndarray
    """One-sided 95 % upper limit of the MSD [Å²], NaN for a single ion, shape ``(L,)``."""
    n_independent: int
    """Groups of ions over all replicas behind the errors."""
    slope: np.ndarray
    """Local log–log slope between t/√2 and t√2, NaN where that leaves the lags, shape ``(L,)``."""
    slope_error: np.ndarray
    """Its standard error, shape ``(L,)``."""
    interval_fs: float
    """Time between two displacements [fs]."""
    powers: tuple[np.ndarray, ...]
    """For each replica the squares of the sine modes of displacements, averaged over particles [Å²], ``(n, 3)``."""
    ion_powers: tuple[np.ndarray, ...]
    """For each replica and particle the sums of these squares over directions and ``mode_bins`` [Å²], ``(N, B)``."""
    window: Window | None
    """The diffusive window, ``None`` when there is none."""
    reason: str
    """Why there is no window; empty when there is one."""


def usable_series(series: Sequence[Series]) -> list[Series]:
    """Return the series on one time step, without those shorter than half the longest.

    Raises
    ------
    InputError
        If there is none, one holds a single sample, or compositions or time steps do not fit together.
    """
    if not series:
        raise InputError("series is empty; expected at least one replica")
    sampled = [one for one in series if len(one.time_fs) > 1]
    if not sampled:
        raise InputError(
            f"series {series[0].replica} holds {len(series[0].time_fs)} sample; expected at least two; "
            "run longer or sample more often"
        )
    for one in sampled:
        if one.species != series[0].species or not np.array_equal(one.counts, series[0].counts):
            raise InputError(
                f"series {one.replica} has other atoms than {series[0].replica}; expected replicas of one system; "
                "analyse systems one by one"
            )
    longest = max(one.time_fs[-1] for one in sampled)
    kept = [one for one in sampled if one.time_fs[-1] >= longest / 2]
    step = max(one.interval_fs for one in kept)
    thinned = [_thin(one, step) for one in kept]
    tracked_step = max(one.tracked_interval_fs for one in thinned)
    return [_thin_tracked(one, tracked_step) for one in thinned]


def _thin(series: Series, step_fs: float) -> Series:
    """Return the series with its sums at another step, its tracked displacements at a multiple of it."""
    every = _whole_ratio(series, step_fs, series.interval_fs)
    if every == 1:
        return series
    tracked_every = math.lcm(series.tracked_every, every)
    timed = ("time_fs", "collective_A", "currents_A_fs", "volume_A3", "temperature_K")
    return replace(
        series,
        **{name: getattr(series, name)[::every] for name in timed},
        displacements_A=series.displacements_A[:: tracked_every // series.tracked_every],
        tracked_every=tracked_every // every,
    )


def _thin_tracked(series: Series, step_fs: float) -> Series:
    every = _whole_ratio(series, step_fs, series.tracked_interval_fs)
    if every == 1:
        return series
    return replace(series, displacements_A=series.displacements_A[::every], tracked_every=series.tracked_every * every)


def _whole_ratio(series: Series, step_fs: float, given_fs: float) -> int:
    ratio = step_fs / given_fs
    every = round(ratio)
    if abs(ratio - every) > 1e-6 * ratio:
        raise InputError(
            f"series {series.replica} has a sample every {given_fs} fs, another every {step_fs} fs; "
            "expected multiples of one step; reduce the trajectories alike"
        )
    return every


def msd_curve(series: Sequence[Series], species: str, reference: Reference | None = None) -> MsdCurve:
    """Compute the tracer MSD of a species with its local log–log slope and diffusive window, ready to be drawn.

    Parameters
    ----------
    series
        Replicas of one system.
    species
        Chemical symbol of the species.
    reference
        What is taken to be at rest; ``None`` takes the centre of mass of all other species.

    Raises
    ------
    InputError
        If the series cannot be used together or do not follow the species.
    """
    replicas = usable_series(series)
    still = reference or reference_of(replicas[0], (species,))
    n_steps = min(len(one.displacements_A) for one in replicas) - 1
    n_lags = max(1, n_steps // 2)
    groups, sizes, owners, powers, ion_powers = _by_group(replicas, species, still, n_lags)
    mean = sizes @ groups / sizes.sum()
    per_replica = np.array([sizes[owners == k] @ groups[owners == k] / sizes[owners == k].sum() for k in set(owners)])
    without_one = (sizes @ groups - sizes[:, None] * groups) / np.maximum(sizes.sum() - sizes, 1.0)[:, None]
    error = _jackknife_error(without_one)
    limit = mean + stats.t.ppf(0.95, len(groups) - 1) * error
    if len(replicas) > 2:
        between = per_replica.std(axis=0, ddof=1) / np.sqrt(len(replicas))
        error = np.maximum(error, between)
        limit = np.maximum(limit, mean + stats.t.ppf(0.95, len(replicas) - 1) * between)

    lags = np.arange(1, n_lags + 1)
    grid = _even_in_logarithm(n_lags)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_msd, log_without = np.log(mean), np.log(without_one)
        slope = _local_slope(lags, log_msd, grid)
        slope_error = _jackknife_error(np.array([_local_slope(lags, one, grid) for one in log_without]))
    step_fs = replicas[0].tracked_interval_fs
    if n_lags < _MIN_LAGS:
        window, reason = (
            None,
            f"only {n_lags} lags up to half a replica; expected at least {_MIN_LAGS}; run longer",
        )
    elif len(groups) < 2:
        window, reason = None, f"one {species} ion in one replica shows no statistics; add replicas"
    elif not mean.all():
        window, reason = None, f"{species} does not move at all; expected a trajectory at finite temperature"
    else:
        modes = _joined(powers, step_fs)
        local = (slope, slope_error)
        longest_fs = n_steps / _RUNS_PER_LAG * step_fs
        window, reason = find_window(
            lags[grid] * step_fs, log_msd[grid], log_without[:, grid], *local, *modes, longest_fs
        )
        reason = reason and f"{species} is not diffusive: {reason}"
    return MsdCurve(
        species=species,
        lag_fs=lags[grid] * step_fs,
        msd_A2=mean[grid],
        msd_error_A2=error[grid],
        msd_limit_A2=limit[grid],
        n_independent=len(groups),
        slope=slope,
        slope_error=slope_error,
        interval_fs=step_fs,
        powers=powers,
        ion_powers=ion_powers,
        window=window,
        reason=reason,
    )


def find_window(
    lag_fs: np.ndarray,
    log_msd: np.ndarray,
    log_without: np.ndarray,
    slope: np.ndarray,
    slope_error: np.ndarray,
    frequency: np.ndarray,
    power: np.ndarray,
    longest_fs: float,
) -> tuple[Window | None, str]:
    """Find the earliest lag from which, up to the last, the MSD grows like time.

    From there on the fitted log–log slope lies within 1 ± 0.1, give or take two of its standard errors, each below 0.1,
    and no local slope lies outside by more than three times its error. As the slopes of long lags are noisy, the
    spectrum of the motion is asked too: below four times the frequency of the lag, a level with a bend explains it
    better than a power law does.
    A window reaches to the longest lag allowed: what is diffusive stays so.

    Parameters
    ----------
    lag_fs
        Lags spaced evenly in their logarithm [fs], shape ``(L,)``.
    log_msd, log_without
        Logarithm of the MSD, shape ``(L,)``, and of the MSD without one group of ions at a time, shape ``(G, L)``.
    slope, slope_error
        Local log–log slope and its standard error, shape ``(L,)``; NaN where undefined.
    frequency
        Frequencies of the sine modes of the displacements [1/fs], ascending, shape ``(M,)``.
    power
        Their mean squares for each direction, shape ``(M, 3)``.
    longest_fs
        Longest lag of a window [fs].

    Returns
    -------
    tuple
        The window, or ``None``; and the reason why there is none, or an empty text.
    """
    log_lag = np.log(lag_fs)
    outside = np.abs(slope - 1.0) > TOLERANCE + 3.0 * slope_error
    precision = 1 / np.maximum(_jackknife_error(log_without), _LEAST_ERROR) ** 2
    end = int(np.searchsorted(lag_fs, longest_fs * (1 + 1e-9), side="right"))
    odds = float("nan")
    for start in range(int(np.searchsorted(log_lag, log_lag[end - 1] - np.log(_MIN_SPAN), side="right"))):
        chosen = slice(start, end)
        fitted, error = _fit(log_lag[chosen], log_msd[chosen], log_without[:, chosen], precision[chosen])
        judged = log_lag > log_lag[start] + 0.5 * np.log(2.0) - 1e-9
        if abs(fitted - 1.0) > TOLERANCE + _SLACK * error or error > TOLERANCE or (outside & judged)[:end].any():
            continue
        n_modes = int(np.searchsorted(frequency, _BAND / lag_fs[start], side="right"))
        odds = level_odds(frequency[:n_modes], power[:n_modes])
        if odds > _LEAST_ODDS:
            return Window(float(lag_fs[start]), float(lag_fs[end - 1]), fitted, error), ""
    last = int(np.searchsorted(log_lag, log_lag[-1] - np.log(_MIN_SPAN) - 1e-9))
    flat = np.ones(len(log_lag) - last)
    fitted, error = _fit(log_lag[last:], log_msd[last:], log_without[:, last:], flat)
    spectrum = "" if np.isnan(odds) else "; its spectrum is more likely a power of the frequency than level"
    return None, (
        f"the log–log slope of its MSD is {fitted:.2f} ± {error:.2f} between {lag_fs[last] / 1e3:.3g} and "
        f"{lag_fs[-1] / 1e3:.3g} ps{spectrum}; expected within 1 ± {TOLERANCE}, steadily; "
        "run longer, hotter or with more ions"
    )


def _fit(log_lag: np.ndarray, log_msd: np.ndarray, log_without: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return the fitted log–log slope and its jackknife error."""
    error = _jackknife_error(_fitted_slope(log_lag, log_without, weights))
    return float(_fitted_slope(log_lag, log_msd, weights)), float(error)


def level_odds(frequency: np.ndarray, power: np.ndarray) -> float:
    """Return the logarithm of the odds that a spectrum is level at low frequencies rather than a power law.

    Parameters
    ----------
    frequency
        Frequencies of the sine modes [1/fs], ascending, shape ``(M,)``.
    power
        Their mean squares for each direction, shape ``(M, 3)``.
    """
    level, variance = find_level(frequency, power, float(frequency[0]), 0.01)
    return level.log_evidence - tilt_evidence(frequency, power.mean(axis=1), variance, _SUBDIFFUSIVE)


def _joined(powers: Sequence[np.ndarray], step_fs: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies of the modes of all replicas [1/fs], ascending, and their powers, shape ``(M, 3)``."""
    frequency = np.concatenate([mode_frequencies(len(one), step_fs) for one in powers])
    order = np.argsort(frequency, kind="stable")
    return frequency[order], np.concatenate(powers)[order]


def _by_group(
    replicas: list[Series], species: str, still: Reference, n_lags: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Return MSDs from lag 1 on of groups of ions, shape ``(G, n_lags)``, their sizes, replicas, and mode powers."""
    curves, sizes, owners, powers, ion_powers = [], [], [], [], []
    for index, one in enumerate(replicas):
        n_groups, n_modes = min(_GROUPS, one.tracked.count(species)), len(one.displacements_A) - 1
        bins = mode_bins(n_modes)
        sums, counts = np.zeros((n_groups, n_lags)), np.zeros(n_groups)
        power, ions = np.zeros((n_modes, 3)), []
        for group, moved in tracer_chunks(one, species, still, _GROUPS):
            sums[group] += moved.shape[1] * mean_squared_displacement(moved, n_lags)[1:]
            counts[group] += moved.shape[1]
            squares = sine_modes(moved) ** 2
            power += squares.sum(axis=1)
            ions.append(np.add.reduceat(squares, bins).sum(axis=2).T)
        curves.append(sums / counts[:, None])
        sizes.append(counts)
        owners.append(np.full(n_groups, index))
        powers.append(power / counts.sum())
        ion_powers.append(np.concatenate(ions))
    return np.concatenate(curves), np.concatenate(sizes), np.concatenate(owners), tuple(powers), tuple(ion_powers)


def _even_in_logarithm(n_lags: int) -> np.ndarray:
    """Return indices of lags 1 … ``n_lags`` spaced evenly in their logarithm, the last included."""
    exponents = np.arange(0.0, np.log2(n_lags), 1 / _PER_OCTAVE)
    return np.unique(np.append(np.rint(2.0**exponents).astype(int), n_lags)) - 1


def _local_slope(lags: np.ndarray, log_msd: np.ndarray, grid: np.ndarray) -> np.ndarray:
    log_lag, half = np.log(lags), 0.5 * np.log(2.0)
    below, above = (np.interp(log_lag[grid] + shift, log_lag, log_msd, np.nan, np.nan) for shift in (-half, half))
    return (above - below) / (2 * half)


def _fitted_slope(log_lag: np.ndarray, log_msd: np.ndarray, weights: np.ndarray) -> np.ndarray:
    centred = log_lag - weights @ log_lag / weights.sum()
    return log_msd @ (weights * centred) / (centred @ (weights * centred))


def _jackknife_error(without_one: np.ndarray) -> np.ndarray:
    n_groups = len(without_one)
    if n_groups < 2:
        return np.full(without_one.shape[1:], np.nan)
    return np.sqrt((n_groups - 1) * without_one.var(axis=0))
