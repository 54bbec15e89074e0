"""Mean squared displacements over all time origins, by fast Fourier transform."""

from collections.abc import Iterator

import numpy as np
from scipy import fft

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.references import Reference

__all__ = ["mean_squared_displacement", "tracer_chunks"]

_CHUNK_NUMBERS = 200_000
"""Numbers transformed together: what the cache of a core holds."""

_LEAST_PARTICLES = 8
"""Particles transformed together at least."""


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
    lags = np.arange(n_times if max_lag is None else min(n_times, max_lag + 1))
    size = fft.next_fast_len(n_times + len(lags), real=True)
    squares, power = np.zeros(n_times + 1), np.zeros(size // 2 + 1)
    for chosen in _chunks(n_particles, n_times):
        chunk = displacements[:, chosen].astype(float, order="C").reshape(n_times, -1)
        chunk -= chunk.mean(axis=0)  # small numbers lose fewer digits in the difference
        squares[1:] += np.einsum("tj,tj->t", chunk, chunk)
        spectrum = fft.rfft(chunk, size, axis=0).view(float)
        power += np.einsum("fj,fj->f", spectrum, spectrum)
    squares = np.cumsum(squares)
    total = squares[n_times - lags] + squares[n_times] - squares[lags] - 2 * fft.irfft(power, size)[: len(lags)]
    total[0] = 0.0
    return np.maximum(total, 0.0) / (n_particles * (n_times - lags))


def tracer_chunks(
    series: Series, species: str, reference: Reference, n_groups: int = 1
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the displacements of one species' particles relative to what is at rest, a few particles at a time.

    Parameters
    ----------
    series
        One replica.
    species
        Name of the species.
    reference
        What is at rest.
    n_groups
        Groups the particles are dealt to by turns.

    Yields
    ------
    tuple
        Index of a group, and displacements of some of its particles [Å], float32, shape
        ``(ceil(T / tracked_every), n_particles, 3)``.

    Raises
    ------
    InputError
        If the species was not followed particle by particle.
    """
    chosen = np.flatnonzero(np.array(series.tracked) == species)
    if not len(chosen):
        raise InputError(
            f"series {series.replica} follows no particle of {species}; expected one of {sorted(set(series.tracked))}; "
            "track the species when the trajectory is reduced"
        )
    drift = reference.drift_of(series)[:: series.tracked_every, None].astype(np.float32)
    for group in range(min(n_groups, len(chosen))):
        members = chosen[group::n_groups]
        for some in _chunks(len(members), len(drift)):
            moved = np.take(series.displacements_A, members[some], axis=1)
            moved -= drift
            yield group, moved


def _chunks(n_particles: int, n_times: int) -> Iterator[slice]:
    size = max(_LEAST_PARTICLES, _CHUNK_NUMBERS // (3 * n_times))
    return (slice(start, start + size) for start in range(0, n_particles, size))
