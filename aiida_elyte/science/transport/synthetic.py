"""Series with exactly known transport, to try the estimators on.

Mobile ions are ``Li``, the framework is ``S`` and rests. Randomness comes as ``rng``.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft
from scipy.signal import lfilter

from aiida_elyte.science.trajectory.reduction import Reducer, Series

__all__ = [
    "ballistic_then_diffusive",
    "breathing",
    "brownian",
    "caged",
    "caged_then_diffusive",
    "correlated_pairs",
    "electrolyte",
    "fractional",
    "series_of",
]


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


def breathing(
    rng: np.random.Generator,
    n_times: int,
    n_ions: int,
    diffusion_A2_fs: float,
    interval_fs: float,
    *,
    swing: float = 0.005,
    shape: str = "cube",
    is_unwrapped: bool = False,
    volume_A3: float = 1000.0,
    n_framework: int = 8,
    **labels: Any,
) -> Series:
    """Return Brownian ions reduced from their positions in a cell that breathes, as under constant pressure.

    Parameters
    ----------
    swing
        Standard deviation of the edges, as part of these; they forget where they were in 20 intervals.
    shape
        ``cube``: edges swing together. ``box``: each for itself. ``tilting``: together, while the cell is sheared on
        and on by 0.01 per interval, and flips back by a whole edge whenever it leans by more than half of one.
    is_unwrapped
        Whether positions run on through the faces of the cell and across its flips, or are wrapped.
    """
    edge = volume_A3 ** (1 / 3)
    swings = _rattle(rng, (n_times, 1, 3), swing, 20 * interval_fs, interval_fs)[:, 0]
    if shape != "box":
        swings[:] = swings[:, :1]
    cells = np.eye(3) * (edge * (1 + swings - swings.mean(axis=0)))[:, None]
    lean = 0.01 * np.arange(n_times) * (shape == "tilting")
    cells[:, 1, 0] = lean * cells[:, 0, 0]
    steps = np.diff(_walk(rng, (n_times, n_ions, 3), diffusion_A2_fs, interval_fs), axis=0, prepend=0.0)
    ions = rng.random((n_ions, 3)) + np.cumsum(steps @ np.linalg.inv(cells), axis=0)
    scaled = np.concatenate([ions, np.tile(rng.random((n_framework, 3)), (n_times, 1, 1))], 1)
    flips = np.rint(lean)[:, None]  # the same points in the basis of the flipped cell
    scaled[:, :, 0] += flips * scaled[:, :, 1]
    cells[:, 1] -= flips * cells[:, 0]
    symbols = ["Li"] * n_ions + ["S"] * n_framework
    masses = [6.94] * n_ions + [32.06] * n_framework
    reducer = Reducer(symbols, masses, interval_fs, tracked=["Li"], is_unwrapped=is_unwrapped, **labels)
    for points, cell in zip(scaled if is_unwrapped else scaled % 1.0, cells, strict=True):
        reducer.add(points @ cell, cell)
    return reducer.finish()


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
    amplitude_A: ArrayLike,
    relaxation_fs: ArrayLike,
    interval_fs: float,
    **labels: Any,
) -> Series:
    """Return ions that rattle in cages which wander: subdiffusive at short times, D as given at long ones.

    Several amplitudes and relaxation times are motions on top of each other.
    """
    shape = (n_times, n_ions, 3)
    motion = _walk(rng, shape, diffusion_A2_fs, interval_fs)
    for amplitude, relaxation in zip(np.atleast_1d(amplitude_A), np.atleast_1d(relaxation_fs), strict=True):
        motion += _rattle(rng, shape, amplitude, relaxation, interval_fs)
    return series_of(motion, interval_fs, **labels)


def fractional(
    rng: np.random.Generator,
    n_times: int,
    n_ions: int,
    prefactor_A2: float,
    exponent: float,
    interval_fs: float,
    **labels: Any,
) -> Series:
    """Return fractional Brownian ions: MSD = ``prefactor_A2`` × (t/interval)^exponent, no diffusion unless it is 1.

    Increments are drawn exactly by circulant embedding (Davies, Harte, DOI 10.1093/biomet/74.1.95).
    """
    lags = np.arange(n_times)
    covariance = 0.5 * (np.abs(lags + 1.0) ** exponent - 2.0 * lags**exponent + np.abs(lags - 1.0) ** exponent)
    power = fft.rfft(np.concatenate([covariance, covariance[-2:0:-1]])).real.clip(0.0)
    noise = rng.normal(size=(2 * n_times - 2, n_ions, 3))
    steps = fft.irfft(fft.rfft(noise, axis=0) * np.sqrt(power)[:, None, None], axis=0)[:n_times]
    steps *= np.sqrt(prefactor_A2 / 3)
    steps[0] = 0.0
    return series_of(np.cumsum(steps, axis=0), interval_fs, **labels)


def ballistic_then_diffusive(
    rng: np.random.Generator,
    n_times: int,
    n_ions: int,
    diffusion_A2_fs: float,
    relaxation_fs: float,
    interval_fs: float,
    **labels: Any,
) -> Series:
    """Return ions of Ornstein–Uhlenbeck velocities with their currents: D as given, velocities decay as exp(-t/τ).

    Velocities and displacements have their exact joint distribution (Gillespie, DOI 10.1103/PhysRevE.54.2084).
    """
    shape, x = (n_times, n_ions, 3), interval_fs / relaxation_fs
    memory, variance = np.exp(-x), diffusion_A2_fs / relaxation_fs
    kick = np.sqrt(variance * (1 - memory**2))
    shared = variance * relaxation_fs * (1 - memory) ** 2 / kick
    own = variance * relaxation_fs**2 * (2 * x - 3 + 4 * memory - memory**2) - shared**2
    noise = rng.normal(size=shape)
    kicks = kick * noise
    kicks[0] = rng.normal(0.0, np.sqrt(variance), shape[1:])
    velocities = lfilter([1.0], [1.0, -memory], kicks, axis=0)
    steps = np.zeros(shape)
    steps[1:] = relaxation_fs * (1 - memory) * velocities[:-1] + shared * noise[1:]
    steps[1:] += rng.normal(0.0, np.sqrt(max(own, 0.0)), (n_times - 1, *shape[1:]))
    series = series_of(np.cumsum(steps, axis=0), interval_fs, **labels)
    currents = np.stack([velocities.sum(axis=1), np.zeros((n_times, 3))], axis=1)
    return replace(series, currents_A_fs=currents)


def electrolyte(
    rng: np.random.Generator,
    n_times: int,
    n_pairs: int,
    onsager_A2_fs: Any,
    interval_fs: float,
    *,
    volume_A3: float = 1000.0,
    replica: str = "r0",
    member: str = "",
) -> Series:
    """Return Brownian cations ``Li`` and anions ``Cl`` in a solvent ``O`` at rest, of any Onsager matrix.

    Parameters
    ----------
    onsager_A2_fs
        Λ of one pair [Å²/fs], positive definite, shape ``(2, 2)``: ⟨ΔR_a·ΔR_b⟩ = 6 Λ_ab n_pairs t. Ions of a species
        share a part of their motion, so that Λ_ab is that of the collective; the tracer D of a species is 1.5 Λ_aa.
    """
    matrix = np.asarray(onsager_A2_fs, float)
    tracer = 1.5 * np.diagonal(matrix)
    own = np.sqrt(2 * tracer * interval_fs) * rng.normal(size=(n_times, n_pairs, 3, 2))
    own -= own.mean(axis=1, keepdims=True)
    shared = rng.normal(size=(n_times, 3, 2)) @ np.linalg.cholesky(matrix).T * np.sqrt(2 * interval_fs / n_pairs)
    # removing the mean took the share 1/n of the tracers' variance, the collective motion gives back Λ/n
    steps = own * np.sqrt((tracer - np.diagonal(matrix) / n_pairs) / (tracer * (1 - 1 / n_pairs))) + shared[:, None]
    steps[0] = 0.0
    ions = np.cumsum(steps, axis=0)
    collective = np.concatenate([ions.sum(axis=1).transpose(0, 2, 1), np.zeros((n_times, 1, 3))], axis=1)
    return Series(
        replica=replica,
        member=member,
        species=("Li", "Cl", "O"),
        counts=np.array([n_pairs, n_pairs, 8]),
        masses=np.array([6.94, 35.45, 16.0]),
        time_fs=np.arange(n_times) * interval_fs,
        collective_A=collective,
        currents_A_fs=np.zeros((0, 3, 3)),
        tracked=("Li",) * n_pairs + ("Cl",) * n_pairs,
        tracked_every=1,
        displacements_A=ions.transpose(0, 3, 1, 2).reshape(n_times, 2 * n_pairs, 3).astype(np.float32),
        volume_A3=np.full(n_times, volume_A3),
        temperature_K=np.full(n_times, np.nan),
        cell_A=np.eye(3) * volume_A3 ** (1 / 3),
    )


def _walk(
    rng: np.random.Generator, shape: tuple[int, int, int], diffusion_A2_fs: float, interval_fs: float
) -> np.ndarray:
    steps = rng.normal(0.0, np.sqrt(2 * diffusion_A2_fs * interval_fs), shape)
    steps[0] = 0.0
    return np.cumsum(steps, axis=0)


def _rattle(
    rng: np.random.Generator, shape: tuple[int, int, int], amplitude_A: float, relaxation_fs: float, interval_fs: float
) -> np.ndarray:
    """Return Ornstein–Uhlenbeck positions, at zero first."""
    memory = np.exp(-interval_fs / relaxation_fs)
    kicks = rng.normal(0.0, amplitude_A * np.sqrt(1 - memory**2), shape)
    kicks[0] = rng.normal(0.0, amplitude_A, shape[1:])
    positions = lfilter([1.0], [1.0, -memory], kicks, axis=0)
    return np.asarray(positions - positions[0])
