"""Tracer diffusion from the low-frequency spectrum of the ions' displacements."""

from dataclasses import dataclass

import numpy as np

from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.transport.grouping import Groups
from aiida_elyte.science.transport.spectrum import Level, find_level, mode_bins, mode_frequencies
from aiida_elyte.science.transport.windows import MsdCurve, Window
from aiida_elyte.units import CM2_S

__all__ = ["TracerSpectrum", "tracer_spectrum"]

_MIN_MODES = 6
"""Modes of a replica the level is fitted to at least."""

_MIN_SAMPLES = 12
"""Modes times directions, over all replicas, below which there is no error bar worth its name."""


@dataclass(frozen=True)
class TracerSpectrum:
    """What the spectrum of the ions of one species tells of its long-time motion."""

    window: Window
    """The diffusive window."""
    level: Level
    """Diffusion coefficient [Å²/fs], all directions together, and the spectrum's shape."""
    per_axis_A2_fs: np.ndarray
    """Diffusion coefficient along x, y and z [Å²/fs], shape ``(3,)``."""
    cutoff: float
    """Frequency up to which the spectrum is within a tenth of its level [1/fs]."""
    fitted: float
    """Highest frequency of the spectrum fitted [1/fs]."""
    scatter: float
    """Relative variance due to the ions' scatter beyond that of Gaussian motion: jumps are few."""
    samples: tuple[np.ndarray, ...]
    """For each replica, powers of the modes up to the cutoff over what is expected of them, shape ``(K, 3)``."""
    n_samples: int
    """Modes times directions fitted, over all replicas."""

    @property
    def relative_variance(self) -> float:
        """Relative variance of the diffusion coefficient."""
        return float((self.level.error(self.scatter) / self.level.value) ** 2)

    def diffusion(self, groups: Groups, note: str) -> Estimate | Refusal:
        """Return the diffusion coefficient [cm²/s]."""
        if self.n_samples < _MIN_SAMPLES:
            return Refusal(
                f"{self.n_samples} independent samples; expected at least {_MIN_SAMPLES}; run longer or more replicas"
            )
        mean = groups.mean(self.samples)
        span = (self.window.start_fs, self.window.end_fs)
        method = f"spectrum of the tracers below {1e3 * self.level.bends[0]:.3g}/ps, {self.window.describe()}, {note}; "
        method += groups.describe(mean)
        if groups.replicas_differ(mean):
            scale = self.level.value * CM2_S
            lower, upper = (scale * limit for limit in mean.interval())
            n_effective = float(mean.n_effective)
            apart = Estimate(scale * mean.value, scale * mean.std, (lower, upper), "cm2/s", n_effective, method, span)
            return groups.with_errors(apart, self.samples, is_positive=True)
        lower, upper = (CM2_S * limit for limit in self.level.interval(self.scatter))
        std = self.level.error(self.scatter) * CM2_S
        n_effective = 2.0 / self.relative_variance
        value = self.level.value * CM2_S
        pooled = Estimate(value, std, (lower, upper), "cm2/s", n_effective, method, span)
        return groups.with_errors(pooled, self.samples, is_positive=True, scale=value / mean.value)


def tracer_spectrum(curve: MsdCurve, window: Window) -> TracerSpectrum:
    r"""Analyse the spectrum of the displacements of a species' particles at frequencies below 1/(start of the window).

    .. math:: D = \lim_{f \to 0} \frac{\langle y(f)^2 \rangle}{2 \Delta t}

    with y the sine modes of one direction and Δt the time between two displacements. The error is the larger of what
    the scatter of the modes tells, which sees ions that move together, and the scatter of the ions, which sees that
    jumps are few.

    Parameters
    ----------
    curve
        Mean squared displacement of the species, and the powers of its modes.
    window
        Its diffusive window.
    """
    unit = 2 * curve.interval_fs
    powers, frequencies = [], []
    for squares in curve.powers:
        n_modes = max(_MIN_MODES, int(unit * len(squares) / window.start_fs))
        powers.append(squares[:n_modes] / unit)
        frequencies.append(mode_frequencies(len(squares), curve.interval_fs)[:n_modes])
    frequency, power = np.concatenate(frequencies), np.concatenate(powers)
    order = np.argsort(frequency, kind="stable")
    lowest = min(one[0] for one in frequencies)

    per_axis = power.mean(axis=0)
    level, _ = find_level(frequency[order], power[order], lowest, 2.0 / (3 * len(curve.ion_powers[0])))
    cutoff = level.highest(frequency[order])
    samples, ions, n_samples = [], [], 0
    for squares, given, full, per_ion in zip(powers, frequencies, curve.powers, curve.ion_powers, strict=True):
        n_low = int(np.searchsorted(given, cutoff * (1 + 1e-9), side="right"))
        expected = level.value * level.shape(given[:n_low])
        samples.append(squares[:n_low] / expected[:, None])
        starts = mode_bins(len(full))
        ends = np.append(starts[1:], len(full))
        if n_bins := int(np.searchsorted(ends, n_low, side="right")):  # those wholly below the cutoff
            starts, n_modes = starts[:n_bins], int(ends[n_bins - 1])
            of_bin = unit * np.add.reduceat(expected[:n_modes], starts) / np.diff(np.append(starts, n_modes))
            ions.append((per_ion[:, :n_bins] / of_bin).sum(axis=1) / (3 * n_modes))
            n_samples += 3 * n_modes * len(per_ion)
    found = np.concatenate(ions)
    gaussian = 2.0 / n_samples
    scatter = float(found.var(ddof=1) / len(found) / found.mean() ** 2) if len(found) > 1 else 0.0
    return TracerSpectrum(
        window=window,
        level=level,
        per_axis_A2_fs=level.value * 3 * per_axis / per_axis.sum(),
        cutoff=cutoff,
        fitted=float(frequency.max()),
        scatter=max(0.0, scatter - gaussian),
        samples=tuple(samples),
        n_samples=power.size,
    )
