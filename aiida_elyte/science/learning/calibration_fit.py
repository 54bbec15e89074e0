"""Fit a calibration to labelled frames."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from scipy.optimize import lsq_linear

from aiida_elyte.science.learning.calibration import (
    LEVELS,
    Calibration,
    CalibrationSettings,
    judge_calibration,
    log_features,
    uncalibrated,
)
from aiida_elyte.science.learning.observations import Observations

__all__ = ["fit_calibration"]

_LEAST_ERROR_EV_A = 1e-4
"""Errors below are those of rounding."""
_HUBER = 1.345
"""Residuals beyond this many standard deviations count less: 95 % efficiency where they are normal."""
_PRIOR_FRAMES = 2.0
"""What the prior of the slopes, spread as it is and distance of no matter, and of the elements, all alike, weighs."""
_STEEPEST = 1.5
"""Slopes in logarithms lie between 0, for more spread is never less error, and this."""


def fit_calibration(
    observations: Observations, settings: CalibrationSettings, previous: Calibration | None = None
) -> Calibration:
    """Fit the scale of the error to labelled atoms, and take the quantiles of what is left.

    The scale is a regression of the logarithms, by Huber's weights, in which every frame weighs as much as any other,
    since its atoms err together; slopes are bounded, so that more spread or distance never means less error. Residuals
    are those of frames that the fit has not seen (five folds), so that few frames do not flatter.

    Parameters
    ----------
    observations
        Labelled atoms, of one round or several.
    settings
        Settings.
    previous
        The calibration that the newest round was selected by; it is judged by the labels of this round.

    References
    ----------
    Barber, Candès, Ramdas, Tibshirani, Ann. Stat. 49, 486 (2021), doi:10.1214/20-AOS1965 (residuals of folds).
    Schran, Brezina, Marsalek, J. Chem. Phys. 153, 104105 (2020), doi:10.1063/5.0016004 (spread of a committee).
    """
    n_frames = observations.n_frames
    if n_frames < settings.least_frames:
        reason = (
            f"{n_frames} labelled frames have a committee spread, fewer than the {settings.least_frames} that a "
            "calibration takes"
        )
        return replace(uncalibrated(settings, reason), reliability=_reliability(previous, observations))
    floors = _floors(observations)
    scales = np.empty(len(observations.numbers))
    for fold in np.array_split(np.arange(n_frames), min(5, n_frames)):
        left_out = np.isin(np.arange(n_frames), fold)
        model = _fit_scale(observations.take(~left_out), floors, settings)
        scales[left_out[observations.frames]] = model.scale(observations.take(left_out))
    residuals = np.maximum(observations.errors_eV_A, _LEAST_ERROR_EV_A) / scales
    shares = 1.0 / np.bincount(observations.frames)[observations.frames]
    fitted = _fit_scale(observations, floors, settings)
    quantiles = {"": _quantiles(residuals, shares)}
    counts, lacking = {"": _independent(residuals, observations.frames)}, []
    for number in np.unique(observations.numbers):
        symbol, chosen = chemical_symbols[number], observations.numbers == number
        of_frame = np.bincount(observations.frames[chosen], minlength=n_frames)
        if (n_own := int((of_frame > 0).sum())) < settings.least_frames:
            lacking.append(f"{symbol} ({n_own})")
            continue
        counts[symbol] = _independent(residuals[chosen], observations.frames[chosen])
        quantiles[symbol] = _quantiles(residuals[chosen], 1.0 / of_frame[observations.frames[chosen]])
    logarithms = np.log(
        np.sqrt(observations.mean_over_frames(np.maximum(observations.errors_eV_A, _LEAST_ERROR_EV_A) ** 2))
        / np.sqrt(observations.mean_over_frames(scales**2))
    )
    return replace(
        fitted,
        quantiles=quantiles,
        counts=counts,
        frame_location=float(logarithms.mean()),
        frame_width=float(max(logarithms.std(ddof=1), 0.05) * np.sqrt(1 + 1 / n_frames)),
        frame_freedom=float(n_frames - 1),
        factor=_factor(observations),
        fallback=_lacks(counts, lacking),
        reliability=_reliability(previous, observations),
    )


def _reliability(previous: Calibration | None, observations: Observations) -> list[dict[str, Any]]:
    """Judge a calibration by the newest round alone: it may have been fitted to the others."""
    if previous is None or not observations.n_frames:
        return []
    newest = observations.mean_over_frames(observations.rounds) == observations.rounds.max()
    return judge_calibration(previous, observations.take(newest))


def _lacks(counts: Mapping[str, float], lacking: list[str]) -> str | None:
    """Return what is assumed for lack of frames, in a sentence."""
    few = [name or "all atoms" for name, count in counts.items() if count < 9]
    said = [
        f"labelled frames are too few for a bound of 90 % for {', '.join(few)}: it is the largest error seen"
    ] * bool(few)
    if lacking:
        said.append(f"too few labelled frames have {', '.join(lacking)}: errors of all elements stand for theirs")
    return "; ".join(said) or None


def _independent(residuals: np.ndarray, frames: np.ndarray) -> float:
    """Return how many independent residuals there are, by the correlation of their logarithms within frames.

    The correlation is that of a one-way analysis of variance.
    """
    values, (_, places, counts) = np.log(residuals), np.unique(frames, return_inverse=True, return_counts=True)
    n_frames, n_atoms = len(counts), len(values)
    if n_atoms == n_frames:
        return float(n_frames)
    means = np.bincount(places, values) / counts
    within = ((values - means[places]) ** 2).sum() / (n_atoms - n_frames)
    between = (counts * (means - values.mean()) ** 2).sum() / (n_frames - 1)
    size = (n_atoms - (counts**2).sum() / n_atoms) / (n_frames - 1)
    shared = max((between - within) / size, 0.0)
    correlation = shared / max(shared + within, 1e-12)
    return float(n_atoms / (1 + (size - 1) * correlation))


def _floors(observations: Observations) -> tuple[float, float]:
    """Return spread and distance below which less says no more: a tenth of the median spread, and of the data's own."""
    return max(0.1 * float(np.median(observations.spreads_eV_A)), 1e-3), 0.1


def _factor(observations: Observations) -> float:
    squares = (
        observations.mean_over_frames(each**2).mean() for each in (observations.errors_eV_A, observations.spreads_eV_A)
    )
    error, spread = squares
    return float(np.sqrt(error / max(spread, _LEAST_ERROR_EV_A**2)))


def _fit_scale(observations: Observations, floors: tuple[float, float], settings: CalibrationSettings) -> Calibration:
    """Return a calibration with its scale alone fitted."""
    spread, distance = log_features(observations, floors)
    wanted = np.log(np.maximum(observations.errors_eV_A, _LEAST_ERROR_EV_A)) - spread
    numbers = [
        number
        for number in np.unique(observations.numbers)
        if len(np.unique(observations.frames[observations.numbers == number])) >= settings.least_frames
    ]
    own = [(observations.numbers == number).astype(float) for number in numbers]
    table = np.stack([np.ones(len(spread)), spread, distance, *own], axis=1)
    shares = 1.0 / np.bincount(observations.frames)[observations.frames]
    prior = np.sqrt(_PRIOR_FRAMES) * np.diag([0.0, *np.ones(table.shape[1] - 1)])[1:]
    lowest = np.array([-np.inf, -1.0, 0.0, *np.full(len(own), -np.inf)])  # spread counts from 1: its slope less one
    highest = np.array([np.inf, _STEEPEST - 1.0, _STEEPEST, *np.full(len(own), np.inf)])
    weights, found = np.ones(len(spread)), np.zeros(table.shape[1])
    for _ in range(20):
        roots = np.sqrt(weights * shares)
        sides = np.vstack([roots[:, None] * table, prior]), np.concatenate([roots * wanted, np.zeros(len(prior))])
        before, found = found, lsq_linear(*sides, bounds=(lowest, highest)).x
        left = wanted - table @ found
        width = 1.4826 * np.median(np.abs(left - np.median(left)))
        weights = np.minimum(1.0, _HUBER * width / np.maximum(np.abs(left), 1e-12))
        if np.abs(found - before).max() < 1e-4:
            break
    return replace(
        uncalibrated(settings, ""),
        intercept=float(found[0]),
        slope_spread=float(found[1] + 1.0),
        slope_distance=float(found[2]),
        offsets={chemical_symbols[number]: float(each) for number, each in zip(numbers, found[3:], strict=True)},
        floors=floors,
        n_frames=observations.n_frames,
        n_atoms=len(observations.numbers),
        fallback=None,
    )


def _quantiles(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the quantiles of weighted values at the stored levels, each the smallest value that reaches it."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    places = np.searchsorted(reached, LEVELS - 1e-12)
    return np.maximum.accumulate(values[order][np.minimum(places, len(values) - 1)])
