"""Tracer diffusion from the low-frequency spectrum of the ions' displacements."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.displacement import displacements_in_frame
from aiida_elyte.science.transport.grouping import Groups
from aiida_elyte.science.transport.references import Reference
from aiida_elyte.science.transport.results import Estimate, Refusal
from aiida_elyte.science.transport.spectrum import Level, level_of, sine_modes
from aiida_elyte.science.transport.windows import Window
from aiida_elyte.units import CM2_S

__all__ = ["TracerSpectrum", "tracer_spectrum"]

_MIN_MODES = 6
"""Modes of a replica the level is fitted to at least."""

_MIN_SAMPLES = 12
"""Modes times directions, over all replicas, below which there is no error bar worth its name."""

_BENT = 0.1
"""Deviation from the zero-frequency level up to which modes carry long-time motion; the rest is divided out."""


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
    scatter: float
    """Relative variance due to the ions' scatter beyond that of Gaussian motion: jumps are few."""
    samples: tuple[np.ndarray, ...]
    """For each replica, squares of the modes up to the cutoff over what is expected of them, shape ``(K, 3)``."""
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
        if mean.between:
            scale = self.level.value * CM2_S
            lower, upper = (scale * limit for limit in mean.interval())
            n_effective = float(mean.n_effective)
            return Estimate(scale * mean.value, scale * mean.std, (lower, upper), "cm2/s", n_effective, method, span)
        lower, upper = (CM2_S * limit for limit in self.level.interval(self.scatter))
        std = self.level.error(self.scatter) * CM2_S
        n_effective = 2.0 / self.relative_variance
        return Estimate(self.level.value * CM2_S, std, (lower, upper), "cm2/s", n_effective, method, span)


def tracer_spectrum(replicas: Sequence[Series], species: str, reference: Reference, window: Window) -> TracerSpectrum:
    r"""Analyse the spectrum of the displacements of a species' particles at frequencies below 1/(start of the window).

    .. math:: D = \lim_{f \to 0} \frac{\langle y(f)^2 \rangle}{2 \Delta t}

    with y the sine modes of one direction and Δt the time between two displacements. The error is the larger of what
    the scatter of the modes tells, which sees ions that move together, and the scatter of the ions, which sees that
    jumps are few.

    Parameters
    ----------
    replicas
        Replicas on one time step.
    species
        Name of the species.
    reference
        What is at rest.
    window
        The diffusive window of the species' mean squared displacement.
    """
    step_fs = replicas[0].tracked_interval_fs
    modes, frequencies = [], []
    for one in replicas:
        moved = displacements_in_frame(one, species, reference)
        n_increments = len(moved) - 1
        n_modes = min(n_increments, max(_MIN_MODES, int(2 * n_increments * step_fs / window.start_fs)))
        modes.append(sine_modes(moved, n_modes) ** 2 / (2 * step_fs))
        frequencies.append(np.arange(1, n_modes + 1) / (2 * n_increments * step_fs))
    frequency = np.concatenate(frequencies)
    order = np.argsort(frequency, kind="stable")
    power = np.concatenate([one.mean(axis=1) for one in modes])  # over ions, shape (M, 3)
    n_ions = modes[0].shape[1]
    lowest = min(one[0] for one in frequencies)

    per_axis = power.mean(axis=0)
    level, _ = level_of(frequency[order], power[order], lowest, 2.0 / (3 * n_ions))
    shape = level.shape(frequency)
    within = np.abs(shape - 1) <= _BENT
    n_within = len(frequency) if within.all() else max(1, int(np.argmin(within[order])))
    cutoff = float(frequency[order][n_within - 1])
    low = [one <= cutoff * (1 + 1e-9) for one in frequencies]
    samples, ions, sizes = [], [], []
    for squares, chosen, given in zip(modes, low, frequencies, strict=True):
        scaled = squares[chosen] / level.shape(given[chosen])[:, None, None]
        samples.append(scaled.mean(axis=1) / level.value)
        ions.append(scaled.sum(axis=(0, 2)))
        sizes.append(3 * int(chosen.sum()))
    found = np.concatenate([one / size for one, size in zip(ions, sizes, strict=True) if size])
    gaussian = 2.0 / sum(size * n_ions for size in sizes)
    scatter = float(found.var(ddof=1) / len(found) / found.mean() ** 2) if len(found) > 1 else 0.0
    return TracerSpectrum(
        window=window,
        level=level,
        per_axis_A2_fs=level.value * 3 * per_axis / per_axis.sum(),
        cutoff=cutoff,
        scatter=max(0.0, scatter - gaussian),
        samples=tuple(samples),
        n_samples=power.size,
    )
