"""Whether a run has come to equilibrium: where it begins, its means with their errors, and the reason if it has not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError

__all__ = [
    "FEWEST",
    "MOST_ERRORS",
    "Equilibrium",
    "Mean",
    "find_equilibrium",
    "judge_settling",
    "statistical_inefficiency",
]

_JUDGED = ("density_g_cm3", "pressure_bar", "temperature_K", "potential_eV")
"""Records that tell whether a box has settled."""

FEWEST = 20
"""Fewest samples of a series."""

_STARTS = 100
"""Places where equilibrium may begin, evenly spaced."""

_LATEST = 2 / 3
"""Part of the run after which no equilibrium begins [1]: what is left would be too short to tell."""

_INDEPENDENT = 10.0
"""Fewest independent samples that tell a mean and a drift."""

MOST_ERRORS = 3.0
"""A drift, or a distance from the target, of more standard errors than this is not chance."""


@dataclass(frozen=True)
class Mean:
    """Mean of one quantity over the equilibrium part."""

    value: float
    """Mean."""
    std: float
    """Standard error of the mean, correlation allowed for."""
    n_effective: float
    """Independent samples."""
    drift: float
    """Change over the equilibrium part, by a straight line."""
    drift_std: float
    """Standard error of that change."""


@dataclass(frozen=True)
class Equilibrium:
    """What a run says of its equilibrium."""

    begins: int
    """First sample of the equilibrium part, common to all quantities."""
    means: Mapping[str, Mean]
    """Mean of each quantity from there."""
    refused: str | None
    """Why it is not in equilibrium; ``None`` where it is one."""


def find_equilibrium(series: Mapping[str, np.ndarray], targets: Mapping[str, float] | None = None) -> Equilibrium:
    """Find where equilibrium begins and test whether it is one.

    Each quantity begins where most independent samples are left, N_eff = (n − t₀)/g(t₀), with the statistical
    inefficiency g; the latest of these is the common beginning. It is refused

    - when a quantity has its most independent samples only in the last third, or fewer than ten of them;
    - when it drifts: a straight line changes by more than three of its standard errors, 12 s² g / n in square, where s
      is the scatter around the line;
    - when its mean is more than three standard errors from its target.

    Parameters
    ----------
    series
        Name of each quantity → its samples at a constant stride, ``shape=(n,)``; as density, pressure, temperature and
        potential energy.
    targets
        Name of those that a thermostat or barostat holds → what they shall be, in the unit of the series.

    Raises
    ------
    InputError
        If there are fewer than 20 samples, series differ in length or hold one that is not finite, or a target has
        no series.

    References
    ----------
    Chodera, J. Chem. Theory Comput. 12, 1799 (2016). https://doi.org/10.1021/acs.jctc.5b00784
    """
    n_samples = _check(series, targets or {})
    begins = max(_find_beginning(values) for values in series.values())
    means = {name: _mean(np.asarray(values, dtype=float)[begins:]) for name, values in series.items()}
    reasons = []
    if begins > _LATEST * n_samples:
        late = [name for name, values in series.items() if _find_beginning(values) > _LATEST * n_samples]
        reasons.append(f"{' and '.join(late)} changes until the last third; expected a plateau")
    for name, mean in means.items():
        if mean.n_effective < _INDEPENDENT:
            reasons.append(f"{name} has {mean.n_effective:.1f} independent samples; expected at least {_INDEPENDENT:g}")
        elif abs(mean.drift) > MOST_ERRORS * mean.drift_std:
            reasons.append(f"{name} drifts by {mean.drift:.3g} ± {mean.drift_std:.2g}; expected none")
        elif targets and name in targets and abs(mean.value - targets[name]) > MOST_ERRORS * mean.std:
            reasons.append(f"{name} is {mean.value:.4g} ± {mean.std:.2g}; expected {targets[name]:g}")
    return Equilibrium(begins, means, f"{'; '.join(reasons)}; run longer" if reasons else None)


def judge_settling(records: Mapping[str, np.ndarray], stages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Judge the last stage of a run, one at constant pressure, by its density, pressure, temperature and energy.

    Parameters
    ----------
    records
        Of the whole run: ``step``, ``density_g_cm3``, ``pressure_bar``, ``temperature_K``, ``potential_eV``.
    stages
        Its stages, each with the fields of ``Stage``.

    Returns
    -------
    dict
        ``refused``, why it is not in equilibrium or ``None``; ``settle_ps``, where the stage begins, ``begins_ps`` and
        ``ends_ps`` of the equilibrium part, from the beginning of the run; ``means`` with the fields of ``Mean``.

    Raises
    ------
    InputError
        As ``find_equilibrium``.
    """
    *before, last = [stage for stage in stages if stage["kind"] != "minimize"]
    first = sum(stage["n_steps"] for stage in before)
    time_ps = np.asarray(records["step"]) * last["timestep_fs"] / 1000
    settled = np.asarray(records["step"]) >= first
    targets = {"pressure_bar": last["pressure_bar"][1], "temperature_K": last["temperature_K"][1]}
    found = find_equilibrium({name: np.asarray(records[name])[settled] for name in _JUDGED}, targets)
    return {
        "refused": found.refused,
        "settle_ps": first * last["timestep_fs"] / 1000,
        "begins_ps": float(time_ps[settled][found.begins]),
        "ends_ps": float(time_ps[-1]),
        "means": {name: asdict(mean) for name, mean in found.means.items()},
    }


def statistical_inefficiency(values: np.ndarray) -> float:
    """Return how many samples count as one, g = 1 + 2 Σ (1 − t/n) C(t)/C(0), at least 1.

    The sum ends where the correlation C first is not positive; a series without scatter has g = 1.

    Parameters
    ----------
    values
        Samples, ``shape=(n,)``.
    """
    n_samples = len(values)
    centred = values - values.mean()
    variance = float(centred @ centred) / n_samples
    if variance <= 1e-24 * max(1.0, float(np.abs(values).max()) ** 2):
        return 1.0
    spectrum = np.fft.rfft(centred, 2 * n_samples)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:n_samples]
    correlation = products / (variance * np.arange(n_samples, 0, -1))
    ends = np.flatnonzero(correlation <= 0)
    last = int(ends[0]) if len(ends) else n_samples
    lags = np.arange(1, last)
    return max(1.0, 1 + 2 * float(((1 - lags / n_samples) * correlation[1:last]).sum()))


def _find_beginning(values: np.ndarray) -> int:
    """Return the sample from which most independent samples are left."""
    values = np.asarray(values, dtype=float)
    starts = np.unique(np.linspace(0, len(values) - 10, _STARTS).astype(int))
    left = [(len(values) - start) / statistical_inefficiency(values[start:]) for start in starts.tolist()]
    return int(starts[int(np.argmax(left))])


def _mean(values: np.ndarray) -> Mean:
    n_samples = len(values)
    inefficiency = statistical_inefficiency(values)
    places = np.arange(n_samples) - (n_samples - 1) / 2
    slope = float(places @ values) / float(places @ places)
    residuals = values - values.mean() - slope * places
    scatter = math.sqrt(float(residuals @ residuals) / n_samples)
    around_line = statistical_inefficiency(residuals)
    return Mean(
        value=float(values.mean()),
        std=float(values.std()) * math.sqrt(inefficiency / n_samples),
        n_effective=n_samples / inefficiency,
        drift=slope * n_samples,
        drift_std=scatter * math.sqrt(12 * around_line / n_samples),
    )


def _check(series: Mapping[str, np.ndarray], targets: Mapping[str, float]) -> int:
    lengths = {name: len(values) for name, values in series.items()}
    if not lengths or len(set(lengths.values())) > 1 or min(lengths.values()) < FEWEST:
        raise InputError(f"series have {lengths} samples; expected one length of {FEWEST} or more; write more often")
    for name, values in series.items():
        if not np.isfinite(values).all():
            raise InputError(f"series {name} holds one that is not finite; expected numbers; look at the run")
    for name in targets:
        if name not in series:
            raise InputError(f"target {name} has no series; expected one of {', '.join(series)}; leave it out")
    return next(iter(lengths.values()))
