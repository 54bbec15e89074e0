"""What a committee's spread is worth: a map to the true error of the forces, and how sure one can be of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from scipy.stats import chi, t

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.observations import Features, Observations
from aiida_elyte.science.settings import Count, Positive, Settings

__all__ = ["LEVELS", "Calibration", "CalibrationSettings", "judge_calibration", "log_features", "uncalibrated"]

VERSION = 1
LEVELS = np.linspace(0.0, 1.0, 201)
"""Shares of the residuals below each stored quantile."""
_NOMINAL = (0.5, 0.8, 0.9, 0.95)
"""Levels at which a calibration is judged."""
_ASSUMED_WIDTH = 0.7
"""Standard deviation of the logarithm of a frame's error about its expectation before anything is known: a factor of
two either way, by which the factors of committees differ from one material and trainer to the next."""


@dataclass(frozen=True)
class CalibrationSettings(Settings):
    """How errors are calibrated."""

    rounds: Count = 3
    """Rounds whose labels are used, the newest ones: a committee of long ago erred otherwise."""
    least_frames: Count = 5
    """Labelled frames without which nothing is fitted; of an element, without which it is not told from the others."""
    default_factor: Positive = 2.5
    """Error over spread where nothing is fitted [1]: committees of three networks on LGPS were 2.3 to 3.4 times
    too sure of themselves outside their data (``docs/learning.md``); that they need such a factor is known (Imbalzano
    et al., J. Chem. Phys. 154, 074102 (2021), doi:10.1063/5.0036522)."""
    cutoff_A: Positive = 5.0
    """Cutoff of the descriptor by which distances to the training data are measured [Å]."""


@dataclass(frozen=True, eq=False)
class Calibration:
    r"""A map from spread, element and distance to the data to the error of the force on an atom.

    .. math:: \ln \sigma_i = a + o_B + b \ln\sqrt{s_i^2 + s_0^2} + c \ln\sqrt{d_i^2 + d_0^2}

    with the spread :math:`s_i`, the distance :math:`d_i` and the offset :math:`o_B` of the element. The error divided
    by its scale :math:`\sigma_i` is taken from the residuals of labelled frames.
    """

    intercept: float
    """a, for errors in eV/Å."""
    slope_spread: float
    """b [1]."""
    slope_distance: float
    """c [1]."""
    offsets: Mapping[str, float]
    """o of each element [1]; others have none."""
    floors: tuple[float, float]
    """s₀ [eV/Å] and d₀ [1]."""
    quantiles: Mapping[str, np.ndarray]
    """Quantiles of error over scale at the levels 0, 0.005 … 1, ``shape=(201,)``: those of all atoms under ``""``, and
    of each element with enough frames."""
    counts: Mapping[str, float]
    """Independent residuals behind each of these [1], between the number of frames and that of atoms; 0: assumed."""
    frame_location: float
    """Mean of the logarithm of a frame's error over its scale [1]."""
    frame_width: float
    """Standard deviation with which that of the next frame is predicted [1]."""
    frame_freedom: float
    """Degrees of freedom of the prediction [1]."""
    factor: float
    """Root mean square error over root mean square spread of the labelled atoms [1]: what a spread of the committee is
    multiplied by to be an error."""
    n_frames: int
    """Labelled frames it was fitted to."""
    n_atoms: int
    """Labelled atoms it was fitted to."""
    cutoff_A: float
    """Cutoff of the descriptor [Å]."""
    fallback: str | None = None
    """What was assumed for lack of labels, in a sentence; ``None`` if nothing."""
    reliability: list[dict[str, Any]] = field(default_factory=list)
    """How the calibration before this one did on the newest labels: see ``judge_calibration``."""

    def scale(self, features: Features) -> np.ndarray:
        """Return the scale of the error of each atom, ``shape=(n_atoms,)`` [eV/Å]."""
        offsets = {atomic_numbers[symbol]: offset for symbol, offset in self.offsets.items()}
        spread, distance = log_features(features, self.floors)
        own = np.array([offsets.get(number, 0.0) for number in features.numbers.tolist()])
        return np.exp(self.intercept + own + self.slope_spread * spread + self.slope_distance * distance)

    def bound(self, features: Features, level: float) -> np.ndarray:
        r"""Return what the error of each atom stays below with a probability, ``shape=(n_atoms,)`` [eV/Å].

        The scale times the quantile of the residuals at the level :math:`p (n + 1) / n`, each frame with the same
        weight: the next residual is one of :math:`n + 1` that might have come in any order. Atoms of a frame err
        together: :math:`K` frames of :math:`M` atoms hold :math:`n = K M / (1 + (M - 1) \rho)` independent ones, with
        the correlation :math:`\rho` of the logarithms within a frame; n is K where the frame decides all, KM where it
        decides nothing. Where the level is above 1, the largest residual is taken, and ``fallback`` says so of 90 %.

        Parameters
        ----------
        features
            Atoms of frames.
        level
            The probability p, between 0 and 1.

        Raises
        ------
        InputError
            If the level is not between 0 and 1.

        References
        ----------
        Dunn, Wasserman, Ramdas, J. Am. Stat. Assoc. 118, 2491 (2023), doi:10.1080/01621459.2022.2060112 (conformal
        prediction for data in groups, with n = K).
        Kish, Survey Sampling (Wiley, 1965), section 5.4 (independent draws in clusters).
        """
        if not 0 < level < 1:
            raise InputError(f"level is {level}; expected a number between 0 and 1")
        factors = np.empty(len(features.numbers))
        for group, chosen in self._groups(features):
            factors[chosen] = np.interp(min(1.0, level * self._correction(group)), LEVELS, self.quantiles[group])
        return factors * self.scale(features)

    def probability_above(self, features: Features, tolerance_eV_A: float) -> np.ndarray:
        """Return the probability that the error of each atom is above a tolerance, ``shape=(n_atoms,)`` [1].

        It is the level at which ``bound`` is the tolerance, taken from 1; of n independent residuals it is never below
        1/(n + 1).
        """
        ratio = tolerance_eV_A / self.scale(features)
        found = np.empty(len(ratio))
        for group, chosen in self._groups(features):
            below = np.interp(ratio[chosen], self.quantiles[group], LEVELS)
            found[chosen] = 1.0 - below / self._correction(group)
        return found

    def frame_scales(self, features: Features) -> np.ndarray:
        """Return the scale of the error of each frame, root mean square over its atoms, ``shape=(n_frames,)``."""
        return np.sqrt(features.mean_over_frames(self.scale(features) ** 2))

    def frame_errors(self, scales_eV_A: np.ndarray) -> np.ndarray:
        """Return the median of the error that is expected of frames of some scales [eV/Å]."""
        return np.exp(self.frame_location) * scales_eV_A

    def frame_bound(self, scales_eV_A: np.ndarray, level: float) -> np.ndarray:
        """Return what the error of frames of some scales stays below with a probability [eV/Å]."""
        return self.frame_errors(scales_eV_A) * np.exp(self.frame_width * t.ppf(level, self.frame_freedom))

    def frame_probability_above(self, scales_eV_A: np.ndarray, tolerance_eV_A: float) -> np.ndarray:
        r"""Return the probability that the error of frames of some scales is above a tolerance [1].

        The error of a frame is the root mean square over its atoms of the length of the difference of the forces:
        it grows with what is wrong in a part of the frame, and one odd atom does not decide. The logarithm of error
        over scale of :math:`K` labelled frames has mean :math:`m` and standard deviation :math:`\hat s`; that of the
        next one follows, given these, Student's t with :math:`K - 1` degrees of freedom about :math:`m` with the width
        :math:`\hat s \sqrt{1 + 1/K}`.

        References
        ----------
        Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), section 3.2 (prediction with a flat prior).
        """
        deviation = np.log(tolerance_eV_A / np.maximum(self.frame_errors(scales_eV_A), 1e-12))
        return np.asarray(t.sf(deviation / self.frame_width, self.frame_freedom))

    def _groups(self, features: Features) -> list[tuple[str, np.ndarray]]:
        """Return for each set of quantiles which atoms it holds for."""
        symbols = np.array(chemical_symbols)[features.numbers]
        groups = [(name, symbols == name) for name in self.quantiles if name]
        return [*groups, ("", ~np.isin(symbols, [name for name in self.quantiles if name]))]

    def _correction(self, group: str) -> float:
        count = self.counts[group]
        return (count + 1) / count if count else 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return the calibration as JSON takes it."""
        plain = {name: value for name, value in vars(self).items() if name not in ("quantiles", "floors", "offsets")}
        return {
            "version": VERSION,
            **plain,
            "counts": dict(self.counts),
            "offsets": dict(self.offsets),
            "floors": list(self.floors),
            "quantiles": {name: [float(f"{one:.5g}") for one in values] for name, values in self.quantiles.items()},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Calibration":
        """Return the calibration that ``as_dict`` wrote.

        Raises
        ------
        InputError
            If it was written by another version.
        """
        given = dict(content)
        if (version := given.pop("version", None)) != VERSION:
            raise InputError(f"version of the calibration is {version!r}; expected {VERSION}; calibrate anew")
        quantiles = {name: np.array(values) for name, values in given["quantiles"].items()}
        return cls(**{**given, "quantiles": quantiles, "floors": tuple(given["floors"])})


def uncalibrated(settings: CalibrationSettings, fallback: str) -> Calibration:
    """Return what is assumed before there are labels: the error is the spread times a factor, of Gaussian components.

    Parameters
    ----------
    settings
        With the factor.
    fallback
        Why nothing is known.
    """
    residuals = chi(3).ppf(np.minimum(LEVELS, 0.999)) / np.sqrt(3)
    return Calibration(
        intercept=float(np.log(settings.default_factor)),
        slope_spread=1.0,
        slope_distance=0.0,
        offsets={},
        floors=(1e-3, 1.0),
        quantiles={"": residuals},
        counts={"": 0},
        frame_location=0.0,
        frame_width=_ASSUMED_WIDTH,
        frame_freedom=1e6,
        factor=settings.default_factor,
        n_frames=0,
        n_atoms=0,
        cutoff_A=settings.cutoff_A,
        fallback=f"{fallback}: errors are taken as {settings.default_factor:g} times the committee spread",
    )


def judge_calibration(calibration: Calibration, observations: Observations) -> list[dict[str, Any]]:
    """Return how often errors stayed below the bounds of a calibration, beside how often they should have.

    Parameters
    ----------
    calibration
        The calibration.
    observations
        Labelled atoms that it was not fitted to.

    Returns
    -------
    list of dict
        For each level: ``nominal``; ``observed``, the share of atoms below their bound, every frame counting alike, and
        its standard ``error``; ``n_frames``; ``elements``, the same of each element; ``frames``, the share of frames
        whose own error is below its bound.
    """
    judged: list[dict[str, Any]] = []
    errors = np.sqrt(observations.mean_over_frames(observations.errors_eV_A**2))
    scales = calibration.frame_scales(observations)
    for level in _NOMINAL:
        below = observations.errors_eV_A <= calibration.bound(observations, level)
        elements = {
            chemical_symbols[number]: _coverage(observations, below, observations.numbers == number)
            for number in np.unique(observations.numbers)
        }
        every = _coverage(observations, below, np.ones(len(below), bool))
        frames = float((errors <= calibration.frame_bound(scales, level)).mean())
        judged.append({"nominal": level, **every, "frames": frames, "elements": elements})
    return judged


def _coverage(observations: Observations, below: np.ndarray, chosen: np.ndarray) -> dict[str, Any]:
    """Return the share of chosen atoms that are below, the mean over frames, and its standard error."""
    counts = np.bincount(observations.frames[chosen])
    shares = (np.bincount(observations.frames[chosen], below[chosen]) / np.maximum(counts, 1))[counts > 0]
    error = float(shares.std(ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else None
    return {"observed": float(shares.mean()), "error": error, "n_frames": len(shares)}


def log_features(features: Features, floors: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of spread and distance of each atom, levelled off below some floors."""
    spread, distance = (
        0.5 * np.log(each**2 + floor**2)
        for each, floor in zip((features.spreads_eV_A, features.distances), floors, strict=True)
    )
    return spread, distance
