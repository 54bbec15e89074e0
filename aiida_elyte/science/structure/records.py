"""Records of an MD run, temperature and density: their means with errors that know of correlation, and their drift."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import fft, stats

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.units import G_CM3

__all__ = ["Record", "TimeBlocks", "correlation_time", "estimate_mean", "record_density", "record_temperature"]


_WINDOW = 5.0
"""The autocorrelation is summed up to this many correlation times, where an exponential has lost all but 1 %."""

_BLOCK = 10.0
"""Length of a block in correlation times: the means of such blocks underestimate the error by 5 %."""

_MIN_BLOCKS = 4
"""Fewer independent blocks than this give no error bar worth its name."""

_MAX_STRETCHES = 32
"""Stretches of time whose sums are kept; half as many at least, once a run is that long."""

_DRIFT_P = 0.01
"""A difference between the halves less likely than this by chance is called a drift."""


class TimeBlocks:
    """Sums over equal stretches of time in bounded memory: when there are too many, neighbours are joined.

    Items are whatever can be added: arrays, counters.
    """

    def __init__(self) -> None:
        self.length = 1
        """Items in one stretch."""
        self.sums: list[Any] = []
        """Sums over the complete stretches, in order of time."""
        self._rest: list[Any] = []
        self._n_rest = 0

    def add(self, item: Any) -> None:
        """Take in the item of the next time."""
        self._rest = [self._rest[0] + item] if self._rest else [item]
        self._n_rest += 1
        if self._n_rest < self.length:
            return
        self.sums, self._rest, self._n_rest = self.sums + self._rest, [], 0
        if len(self.sums) == _MAX_STRETCHES:
            self.sums = _joined(self.sums, _MAX_STRETCHES // 2)
            self.length *= 2

    def state(self) -> tuple[np.ndarray, list[Any]]:
        """Return what is needed to go on later: length and filling of a stretch, shape ``(2,)``, and all sums."""
        return np.array([self.length, self._n_rest]), [*self.sums, *self._rest]

    def restore(self, shape: np.ndarray, sums: Sequence[Any]) -> None:
        """Go on from where ``state`` was taken."""
        self.length, self._n_rest = (int(number) for number in shape)
        n_complete = len(sums) - (self._n_rest > 0)
        self.sums, self._rest = list(sums[:n_complete]), list(sums[n_complete:])

    def total(self) -> Any:
        """Return the sum over all items."""
        return _joined(self.sums + self._rest, 1)[0]

    def joined(self, n_blocks: int) -> list[Any]:
        """Return sums over at most ``n_blocks`` blocks of equal length; stretches that are left over go."""
        return _joined(self.sums, min(n_blocks, len(self.sums)))


def _joined(items: list[Any], n_blocks: int) -> list[Any]:
    size = len(items) // max(1, n_blocks)
    blocks = [items[start : start + size] for start in range(0, n_blocks * size, max(1, size))]
    return [sum(block[1:], start=block[0]) for block in blocks]


def correlation_time(values: np.ndarray) -> float:
    r"""Compute the integrated autocorrelation time of a series, in samples.

    .. math:: \tau = \frac{1}{2} + \sum_{k=1}^{W} \rho(k), \quad W = \min \{ w : w \ge 5 \tau(w) \}

    with the autocorrelation ρ; white noise has τ = 1/2, and n samples are worth n / 2τ independent ones.

    Parameters
    ----------
    values
        Samples at a constant step, shape ``(T,)``.

    References
    ----------
    Sokal, Monte Carlo Methods in Statistical Mechanics, DOI 10.1007/978-1-4899-0319-8_6.
    """
    n = len(values)
    centred = values - values.mean()
    size = fft.next_fast_len(2 * n, real=True)
    spectrum = fft.rfft(centred, n=size)
    correlation = fft.irfft(spectrum * spectrum.conj(), n=size)[:n]
    if not correlation[0] > 0:
        return 0.5
    times = np.cumsum(correlation / correlation[0]) - 0.5
    is_wide = np.arange(n) >= _WINDOW * times
    return float(max(0.5, times[is_wide.argmax()] if is_wide.any() else times.max()))


def estimate_mean(values: np.ndarray, unit: str, quantity: str) -> Estimate | Refusal:
    """Estimate the mean of a correlated series; its error comes from blocks ten correlation times long.

    Parameters
    ----------
    values
        Samples at a constant step, shape ``(T,)``.
    unit
        Unit of the samples.
    quantity
        Name of the quantity, for the method and the reason of a refusal.

    Returns
    -------
    Estimate or Refusal
        A refusal when the series holds fewer than four such blocks.

    References
    ----------
    Flyvbjerg, Petersen, J. Chem. Phys. 91, 461 (1989), DOI 10.1063/1.457480.
    """
    mean = float(values.mean()) if len(values) else math.nan
    if _is_constant(values):
        return Estimate(mean, 0.0, (mean, mean), unit, float(len(values)), f"{quantity} is constant")
    time = correlation_time(values) if len(values) else math.nan
    n_blocks = int(len(values) / (_BLOCK * time)) if len(values) else 0
    if n_blocks < _MIN_BLOCKS:
        return Refusal(
            f"{quantity}: {len(values)} samples with a correlation time of {time:.3g} samples; expected at least "
            f"{_MIN_BLOCKS * _BLOCK:g} correlation times; run longer"
        )
    blocks = _block_means(values, n_blocks)
    std = float(blocks.std(ddof=1)) / math.sqrt(n_blocks)
    half = float(stats.t.ppf(0.975, n_blocks - 1)) * std
    method = f"mean of {quantity}, error from {n_blocks} blocks of {_BLOCK:g} correlation times"
    return Estimate(mean, std, (mean - half, mean + half), unit, float(n_blocks), method)


@dataclass(frozen=True)
class Record:
    """A quantity over an MD run: its mean, how it fluctuates, and whether it drifts."""

    mean: Estimate | Refusal
    """Mean over the run."""
    fluctuation: float
    """Standard deviation of the samples, in the unit of the mean; NaN when there are none."""
    correlation_time_fs: float
    """Integrated autocorrelation time [fs]; NaN when there are too few samples."""
    drift: Estimate | Refusal
    """Mean over the second half of the run minus mean over the first."""
    drift_p: float
    """Probability of such a difference by chance (Student's t); NaN when the drift is refused."""

    @property
    def has_drifted(self) -> bool:
        """Whether the two halves differ by more than chance, at a level of 1 %."""
        return self.drift_p < _DRIFT_P


def record_temperature(series: Series) -> Record:
    """Summarise the kinetic temperature of a run [K].

    Parameters
    ----------
    series
        Reduced trajectory.

    Returns
    -------
    Record
        Refused when the trajectory gave no temperature at some sample.
    """
    if np.isnan(series.temperature_K).any():
        reason = f"temperature of replica {series.replica} was not recorded at every sample; write velocities"
        return Record(Refusal(reason), math.nan, math.nan, Refusal(reason), math.nan)
    return _record(series.temperature_K, series.interval_fs, "K", "temperature")


def record_density(series: Series) -> Record:
    """Summarise the mass density of a run [g/cm³].

    Parameters
    ----------
    series
        Reduced trajectory.

    Raises
    ------
    InputError
        If a volume is not positive.
    """
    if not (series.volume_A3 > 0).all():
        raise InputError(
            f"volume_A3 of replica {series.replica} is {series.volume_A3.min():g}; "
            "expected positive volumes; reduce a periodic trajectory"
        )
    mass = float(series.counts @ series.masses)
    return _record(G_CM3 * mass / series.volume_A3, series.interval_fs, "g/cm3", "density")


def _record(values: np.ndarray, interval_fs: float, unit: str, quantity: str) -> Record:
    values = np.asarray(values, float)
    mean = estimate_mean(values, unit, quantity)
    fluctuation = float(values.std()) if len(values) else math.nan
    time_fs = correlation_time(values) * interval_fs if len(values) > 1 else math.nan
    drift, p = _drift(values, unit, quantity)
    return Record(mean, fluctuation, time_fs, drift, p)


def _drift(values: np.ndarray, unit: str, quantity: str) -> tuple[Estimate | Refusal, float]:
    """Return the mean of the second half less that of the first, and its probability by chance.

    A drift looks like correlation, so the noise is judged on what a straight line through the samples leaves.
    """
    if _is_constant(values):
        return Estimate(0.0, 0.0, (0.0, 0.0), unit, float(len(values)), f"{quantity} is constant"), 1.0
    times = np.arange(len(values)) - (len(values) - 1) / 2
    residual = values - values.mean() - times * (times @ values) / (times @ times) if len(values) > 1 else values
    n_blocks = int(len(values) / (_BLOCK * correlation_time(residual))) if len(values) > 1 else 0
    if n_blocks < _MIN_BLOCKS:
        reason = f"{quantity}: {len(values)} samples are correlated for too long to tell a drift; run longer"
        return Refusal(reason), math.nan
    half = len(values) // 2
    difference = float(values[-half:].mean() - values[:half].mean())
    blocks = _block_means(residual, n_blocks)
    std = 2 * math.sqrt(float(blocks @ blocks) / (n_blocks - 2) / n_blocks)
    width = float(stats.t.ppf(0.975, n_blocks - 2)) * std
    method = f"{quantity} of the second half less that of the first, error from {n_blocks} blocks about a line"
    estimate = Estimate(difference, std, (difference - width, difference + width), unit, float(n_blocks), method)
    return estimate, float(2 * stats.t.sf(abs(difference) / std, n_blocks - 2))


def _block_means(values: np.ndarray, n_blocks: int) -> np.ndarray:
    size = len(values) // n_blocks
    return np.asarray(values[: n_blocks * size].reshape(n_blocks, size).mean(axis=1))


def _is_constant(values: np.ndarray) -> bool:
    return len(values) > 1 and bool(np.ptp(values) <= 1e-12 * np.abs(values).max())
