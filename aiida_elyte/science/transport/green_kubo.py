"""Conductivity from the autocorrelation of the current: needs velocities, written often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft

from aiida_elyte.science.statistics.estimate import Estimate, Refusal, chi_square_interval
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.grouping import Groups
from aiida_elyte.science.transport.references import Reference
from aiida_elyte.units import BOLTZMANN_EV_K, MS_CM

__all__ = ["GreenKubo", "autocorrelation", "green_kubo"]

_RESOLVED = 0.5
"""Correlation after one step below which the velocities are too far apart to be integrated."""

_PLATEAU = 2.0
"""The running integral is averaged from the start of the diffusive window to this many times it."""

_MIN_DOF = 8.0
"""Degrees of freedom below which the integral is not told from zero: its error is half of it."""


@dataclass(frozen=True)
class GreenKubo:
    """Running integral of the current's autocorrelation."""

    time_fs: np.ndarray
    """Upper limits of the integral [fs], shape ``(L,)``."""
    correlation: np.ndarray
    """Autocorrelation of the current over its value at zero, shape ``(L,)``."""
    integral: np.ndarray
    """Conductivity if the correlation ended here [mS/cm], shape ``(L,)``."""
    plateau_fs: tuple[float, float]
    """Limits over which the integral is averaged [fs]."""
    conductivity: Estimate | Refusal
    """Its average [mS/cm], or why there is none."""


def autocorrelation(vectors: np.ndarray, n_lags: int) -> np.ndarray:
    """Compute the autocorrelation over all time origins, summed over directions, by FFT.

    Parameters
    ----------
    vectors
        Samples, shape ``(T, 3)``.
    n_lags
        Number of lags, zero included, at most T.
    """
    n = len(vectors)
    size = fft.next_fast_len(n + n_lags, real=True)
    spectrum = fft.rfft(vectors, size, axis=0)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
    return np.asarray(fft.irfft(power, size)[:n_lags] / (n - np.arange(n_lags)))


def green_kubo(
    replicas: Sequence[Series],
    charges: Mapping[str, float],
    reference: Reference,
    temperature_K: float,
    start_fs: float,
    note: str,
    groups: Groups | None = None,
) -> GreenKubo | Refusal:
    r"""Estimate the conductivity by the Green–Kubo relation.

    .. math:: \sigma = \frac{1}{3 V k_B T} \int_0^\infty \langle J(0) \cdot J(t) \rangle dt, \quad
        J = e \sum_a z_a \sum_{i \in a} v_i

    The integral is averaged over upper limits from the start of the tracers' diffusive window to twice that. The
    variance is that of the spectrum of a Gaussian current at zero frequency, smoothed over the inverse of the limit:
    2/ν = 4 t/3T per replica.

    Parameters
    ----------
    replicas
        Replicas on one time step.
    charges
        Charge of each carrier [e].
    reference
        What rests with the charge that neutralises the carriers.
    temperature_K
        Temperature [K].
    start_fs
        Where the diffusive window of the carriers starts [fs].
    note
        What to add to the method: the frame.
    groups
        Which replicas are alike; ``None`` takes it from their members.

    References
    ----------
    R. Zwanzig, DOI 10.1146/annurev.pc.16.100165.000435.
    """
    if not all(len(one.currents_A_fs) for one in replicas):
        return Refusal("the trajectory holds no velocities; expected them in every frame; write them, every few fs")
    step_fs = replicas[0].interval_fs
    shortest = min(len(one.time_fs) for one in replicas)
    first = max(1, round(start_fs / step_fs))
    last = int(_PLATEAU * first)
    n_lags = min(shortest, 2 * last + 1)
    if last >= n_lags:
        return Refusal(
            f"runs of {shortest * step_fs / 1e3:.3g} ps are shorter than twice the start of the diffusive window, "
            f"{start_fs / 1e3:.3g} ps; run longer"
        )
    integrals, correlation = [], np.zeros(n_lags)
    for one in replicas:
        current = sum(
            charge * (one.currents_A_fs[:, index] - float(one.counts[index]) * reference.velocity_of(one))
            for name, charge in charges.items()
            if (index := one.species.index(name)) >= 0
        )
        found = autocorrelation(np.asarray(current), n_lags)
        correlation += found / len(replicas)
        running = np.concatenate([[0.0], np.cumsum(0.5 * (found[1:] + found[:-1]))]) * step_fs
        integrals.append(running * MS_CM / (3 * one.volume_A3.mean() * BOLTZMANN_EV_K * temperature_K))
    if not correlation[0] > 0:
        return Refusal("the velocities are all zero; expected those of the run; write them, every few fs")
    if not correlation[1] > _RESOLVED * correlation[0]:
        return Refusal(
            f"velocities every {step_fs:g} fs are too far apart: the current's correlation falls to "
            f"{correlation[1] / correlation[0]:.2f} in one step; expected above {_RESOLVED}; write them more often"
        )
    lengths = np.array([len(one.time_fs) for one in replicas], float)
    integral = lengths @ np.array(integrals) / lengths.sum()
    plateau = slice(first, last + 1)
    values = np.array([one[plateau].mean() for one in integrals])
    value = float(lengths @ values / lengths.sum())
    dof = float(3 * lengths.sum() / (2 * 0.5 * (first + last)))
    groups = groups or Groups.of(replicas)
    method = f"Green–Kubo integral up to {first * step_fs / 1e3:.3g}–{last * step_fs / 1e3:.3g} ps, {note}"
    limits = (first * step_fs, last * step_fs)
    std = value * (2 / dof) ** 0.5
    conductivity: Estimate | Refusal
    if dof < _MIN_DOF or value <= 0:
        conductivity = Refusal(
            f"{value:.3g} ± {abs(std):.2g} mS/cm is not resolved from zero; run longer or more replicas"
        )
    else:
        interval = chi_square_interval(value, dof)
        mean = groups.mean(list(values[:, None])) if len(replicas) > 1 and not groups.are_members else None
        if mean is not None and mean.std > 2 * std:
            std, interval, dof = mean.std, replace(mean, value=value).interval(), float(mean.n_effective)
            method += f"; {groups.describe(mean)}"
        pooled = Estimate(value, std, interval, "mS/cm", dof, method, limits)
        conductivity = groups.with_member_errors(pooled, _by_group(groups, values, lengths), is_positive=True)
    return GreenKubo(np.arange(n_lags) * step_fs, correlation / correlation[0], integral, limits, conductivity)


def _by_group(groups: Groups, values: np.ndarray, lengths: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return the mean over each group of replicas, and the length of its runs."""
    found = {}
    for name in dict.fromkeys(groups.labels):
        chosen = np.array([label == name for label in groups.labels])
        length = float(lengths[chosen].sum())
        found[name] = (float(lengths[chosen] @ values[chosen]) / length, length)
    return found
