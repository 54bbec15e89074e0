"""Series with exactly known transport, to try the estimators on.

Mobile ions are ``Li``, the framework is ``S`` and rests. Randomness comes as ``rng``.
"""

from typing import Any

import numpy as np

from aiida_elyte.science.trajectory.reduction import Series

__all__ = ["brownian", "caged", "caged_then_diffusive", "correlated_pairs", "series_of"]


def series_of(
    displacements_A: np.ndarray,
    interval_fs: float,
    *,
    volume_A3: float = 1000.0,
    n_framework: int = 8,
    replica: str = "r0",
    member: str = "",
) -> Series:
    """Return the series of given Li displacements [Å], shape ``(T, N, 3)``, beside a framework at rest."""
    n_times, n_ions, _ = displacements_A.shape
    collective = np.stack([displacements_A.sum(axis=1), np.zeros((n_times, 3))], axis=1)
    return Series(
        replica=replica,
        member=member,
        species=("Li", "S"),
        counts=np.array([n_ions, n_framework]),
        masses=np.array([6.94, 32.06]),
        time_fs=np.arange(n_times) * interval_fs,
        collective_A=collective,
        currents_A_fs=np.zeros((0, 2, 3)),
        tracked=("Li",) * n_ions,
        tracked_every=1,
        displacements_A=displacements_A.astype(np.float32),
        volume_A3=np.full(n_times, volume_A3),
        temperature_K=np.full(n_times, np.nan),
        cell_A=np.eye(3) * volume_A3 ** (1 / 3),
    )


def brownian(
    rng: np.random.Generator, n_times: int, n_ions: int, diffusion_A2_fs: float, interval_fs: float, **labels: Any
) -> Series:
    """Return independent Brownian ions: MSD = 6 D t exactly, σ = σ_NE."""
    return series_of(_walk(rng, (n_times, n_ions, 3), diffusion_A2_fs, interval_fs), interval_fs, **labels)


def correlated_pairs(
    rng: np.random.Generator, n_times: int, n_ions: int, diffusion_A2_fs: float, interval_fs: float, **labels: Any
) -> Series:
    """Return Brownian ions bound in pairs that move as one: tracer D as given, σ = 2 σ_NE, Haven ratio 1/2."""
    pairs = _walk(rng, (n_times, n_ions // 2, 3), diffusion_A2_fs, interval_fs)
    return series_of(np.concatenate([pairs, pairs], axis=1), interval_fs, **labels)


def caged(
    rng: np.random.Generator,
    n_times: int,
    n_ions: int,
    amplitude_A: float,
    relaxation_fs: float,
    interval_fs: float,
    **labels: Any,
) -> Series:
    """Return ions that rattle in a harmonic cage for ever (Ornstein–Uhlenbeck positions): D = 0."""
    shape = (n_times, n_ions, 3)
    return series_of(_rattle(rng, shape, amplitude_A, relaxation_fs, interval_fs), interval_fs, **labels)


def caged_then_diffusive(
    rng: np.random.Generator,
    n_times: int,
    n_ions: int,
    diffusion_A2_fs: float,
    amplitude_A: float,
    relaxation_fs: float,
    interval_fs: float,
    **labels: Any,
) -> Series:
    """Return ions that rattle in cages which wander: subdiffusive at short times, D as given at long ones."""
    shape = (n_times, n_ions, 3)
    rattle = _rattle(rng, shape, amplitude_A, relaxation_fs, interval_fs)
    return series_of(rattle + _walk(rng, shape, diffusion_A2_fs, interval_fs), interval_fs, **labels)


def _walk(
    rng: np.random.Generator, shape: tuple[int, int, int], diffusion_A2_fs: float, interval_fs: float
) -> np.ndarray:
    steps = rng.normal(0.0, np.sqrt(2 * diffusion_A2_fs * interval_fs), shape)
    steps[0] = 0.0
    return np.cumsum(steps, axis=0)


def _rattle(
    rng: np.random.Generator, shape: tuple[int, int, int], amplitude_A: float, relaxation_fs: float, interval_fs: float
) -> np.ndarray:
    memory = np.exp(-interval_fs / relaxation_fs)
    kicks = rng.normal(0.0, amplitude_A * np.sqrt(1 - memory**2), shape)
    kicks[0] = rng.normal(0.0, amplitude_A, shape[1:])
    positions = kicks
    for time in range(1, shape[0]):
        positions[time] += memory * positions[time - 1]
    return positions - positions[0]
