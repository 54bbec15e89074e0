"""Mean squared displacements over all time origins, by fast Fourier transform."""

import numpy as np
from scipy import fft

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.references import Reference

__all__ = ["displacements_in_frame", "mean_squared_displacement"]

_CHUNK = 64
"""Particles transformed together: bounds the memory to a few times 64 × T × 3 numbers."""


def mean_squared_displacement(displacements: np.ndarray, max_lag: int | None = None) -> np.ndarray:
    r"""Compute the mean squared displacement of particles at every lag, over all time origins.

    .. math:: M(k) = \frac{1}{N (T-k)} \sum_{i=1}^{N} \sum_{t=0}^{T-k-1} |r_i(t+k) - r_i(t)|^2

    The sum of squares is cumulative, the cross term an autocorrelation done by FFT: T log T instead of T².

    Parameters
    ----------
    displacements
        Unwrapped positions or displacements r [Å], shape ``(T, N, 3)``.
    max_lag
        Largest lag wanted, in samples; ``None`` gives all.

    Returns
    -------
    numpy.ndarray
        M [Å²] at lags 0 … ``max_lag``, shape ``(max_lag + 1,)``.

    References
    ----------
    Calandrini et al., Collection SFN 12, 201 (2011), DOI 10.1051/sfn/201112010.
    """
    n_times, n_particles, _ = displacements.shape
    n_lags = n_times if max_lag is None else min(n_times, max_lag + 1)
    total = np.zeros(n_lags)
    for start in range(0, n_particles, _CHUNK):
        chunk = np.asarray(displacements[:, start : start + _CHUNK], float)
        chunk = (chunk - chunk.mean(axis=0)).reshape(n_times, -1)  # small numbers lose fewer digits in the difference
        squares = np.concatenate([[0.0], np.cumsum(np.einsum("tj,tj->t", chunk, chunk))])
        spectrum = fft.rfft(chunk, n=fft.next_fast_len(2 * n_times, real=True), axis=0)
        power = np.einsum("fj,fj->f", spectrum, spectrum.conj()).real
        cross = fft.irfft(power, n=fft.next_fast_len(2 * n_times, real=True))[:n_lags]
        lags = np.arange(n_lags)
        total += squares[n_times - lags] + squares[n_times] - squares[lags] - 2 * cross
    total[0] = 0.0
    return np.maximum(total, 0.0) / (n_particles * (n_times - np.arange(n_lags)))


def displacements_in_frame(series: Series, species: str, reference: Reference) -> np.ndarray:
    """Return the displacements of one species' particles relative to what is at rest.

    Returns
    -------
    numpy.ndarray
        Displacements [Å], float32, shape ``(ceil(T / tracked_every), n_particles, 3)``.

    Raises
    ------
    InputError
        When the species was not followed atom by atom.
    """
    chosen = [index for index, name in enumerate(series.tracked) if name == species]
    if not chosen:
        raise InputError(
            f"series {series.replica} follows no particle of {species}; expected one of {sorted(set(series.tracked))}; "
            "track the species when the trajectory is reduced"
        )
    drift = reference.drift_of(series)[:: series.tracked_every].astype(np.float32)
    return series.displacements_A[:, chosen] - drift[:, None]
