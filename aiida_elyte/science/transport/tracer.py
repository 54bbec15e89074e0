"""Tracer diffusion from the low-frequency spectrum of the ions' displacements."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.displacement import tracer_chunks
from aiida_elyte.science.transport.grouping import Groups
from aiida_elyte.science.transport.references import Reference
from aiida_elyte.science.transport.results import Estimate, Refusal
from aiida_elyte.science.transport.spectrum import Level, level_of, mode_frequencies, sine_modes
from aiida_elyte.science.transport.windows import MsdCurve, Window
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
        if mean.between:
            scale = self.level.value * CM2_S
            lower, upper = (scale * limit for limit in mean.interval())
            n_effective = float(mean.n_effective)
            return Estimate(scale * mean.value, scale * mean.std, (lower, upper), "cm2/s", n_effective, method, span)
        lower, upper = (CM2_S * limit for limit in self.level.interval(self.scatter))
        std = self.level.error(self.scatter) * CM2_S
        n_effective = 2.0 / self.relative_variance
        return Estimate(self.level.value * CM2_S, std, (lower, upper), "cm2/s", n_effective, method, span)


def tracer_spectrum(
    replicas: Sequence[Series], reference: Reference, curve: MsdCurve, window: Window
) -> TracerSpectrum:
    r"""Analyse the spectrum of the displacements of a species' particles at frequencies below 1/(start of the window).

    .. math:: D = \lim_{f \to 0} \frac{\langle y(f)^2 \rangle}{2 \Delta t}

    with y the sine modes of one direction and Δt the time between two displacements. The error is the larger of what
    the scatter of the modes tells, which sees ions that move together, and the scatter of the ions, which sees that
    jumps are few.

    Parameters
    ----------
    replicas
        Replicas on one time step.
    reference
        What is at rest.
    curve
        Mean squared displacement of the species, and the powers of its modes.
    window
        Its diffusive window.
    """
    step_fs = replicas[0].tracked_interval_fs
    powers, frequencies = [], []
    for squares in curve.powers:
        n_modes = max(_MIN_MODES, int(2 * len(squares) * step_fs / window.start_fs))
        powers.append(squares[:n_modes] / (2 * step_fs))
        frequencies.append(mode_frequencies(len(squares), step_fs)[:n_modes])
    frequency, power = np.concatenate(frequencies), np.concatenate(powers)
    order = np.argsort(frequency, kind="stable")
    n_ions = replicas[0].tracked.count(curve.species)
    lowest = min(one[0] for one in frequencies)

    per_axis = power.mean(axis=0)
    level, _ = level_of(frequency[order], power[order], lowest, 2.0 / (3 * n_ions))
    within = np.abs(level.shape(frequency) - 1) <= _BENT
    n_within = len(frequency) if within.all() else max(1, int(np.argmin(within[order])))
    cutoff = float(frequency[order][n_within - 1])
    samples, ions, n_samples = [], [], []
    for one, squares, given in zip(replicas, powers, frequencies, strict=True):
        low = given <= cutoff * (1 + 1e-9)
        weights = 1 / (2 * step_fs * level.value * level.shape(given[low]))
        samples.append(squares[low] * (2 * step_fs) * weights[:, None])
        if low.any():
            for _, moved in tracer_chunks(one, curve.species, reference):
                ions.append(np.einsum("knd,k->n", sine_modes(moved, len(weights)) ** 2, weights) / (3 * len(weights)))
            n_samples.append(3 * len(weights) * n_ions)
    found = np.concatenate(ions)
    gaussian = 2.0 / sum(n_samples)
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
