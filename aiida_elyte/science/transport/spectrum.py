r"""Motion at long times from the spectrum of displacements at low frequencies.

The increments of a displacement of n + 1 samples are expanded in the n sine modes

.. math:: y_k = \sqrt{\tfrac{2}{n+1}} \sum_{t=1}^{n} (x_t - x_{t-1}) \sin\frac{\pi k t}{n+1}

of frequency k/2T. For motion that is diffusive beyond the time of a period, the y are independent Gaussian numbers of
variance 2DΔt per direction: no blocks, no correlated points of a fit, and what rattles at higher frequencies stays out,
as the modes vanish at both ends of the run (sine tapers, DOI 10.1109/78.365298).

Where the spectrum bends away from its zero-frequency level is not assumed but found: levels extrapolated with the bend
at any frequency, and with none, are averaged with the weight the tracers' spectrum gives them.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft, optimize, special, stats

__all__ = ["Level", "find_level", "fit_level", "mode_bins", "mode_frequencies", "sine_modes", "tilt_evidence"]

_BIN_RATIO = 1.2
"""Frequencies of neighbouring bins of modes; the lowest modes are bins of their own."""

_LOWEST_BEND = 6.0
"""Lowest frequency of a bend, in modes: below it the level would hang on a few modes only."""

_HIGHEST_BEND = 4.0
"""Highest frequency of a bend, in highest frequencies fitted: beyond, only its foot is seen."""

_N_BENDS = 24
_ITERATIONS = 5
_STEEPEST = 2.0
_N_TILTS = 77

_FLOOR = 0.05
"""Part of the mean power below which the fitted spectrum is not let, while weights are found."""

_BENT = 0.1
"""Deviation from the zero-frequency level up to which modes carry long-time motion; the rest is divided out."""

_SHARPNESS = np.array([1.0, 0.65])
_SHARPNESS_PRIOR = np.array([0.95, 0.05])
"""Sharpness of a bend, with prior weights: one relaxation time, or some."""


def sine_modes(displacements: np.ndarray, n_modes: int | None = None) -> np.ndarray:
    """Compute the lowest sine modes of the increments of displacements, in the precision these have.

    Parameters
    ----------
    displacements
        Displacements [Å], shape ``(n + 1, ...)``.
    n_modes
        Number of modes K wanted; ``None`` gives all n.

    Returns
    -------
    numpy.ndarray
        Modes k = 1 … K [Å], shape ``(K, ...)``; mode k has the frequency k/2T.
    """
    return np.asarray(fft.dst(np.diff(displacements, axis=0), type=1, norm="ortho", axis=0)[:n_modes])


def mode_frequencies(n_increments: int, interval_fs: float) -> np.ndarray:
    """Return the frequencies k/2T of the sine modes of a run of some increments [1/fs], shape ``(n_increments,)``."""
    return np.arange(1, n_increments + 1) / (2 * n_increments * interval_fs)


def mode_bins(n_modes: int) -> np.ndarray:
    """Return the first modes of bins of frequency, counted from 0: the lowest are bins of their own, shape ``(B,)``."""
    starts = [0]
    while (following := max(starts[-1] + 1, int(starts[-1] * _BIN_RATIO))) < n_modes:
        starts.append(following)
    return np.array(starts)


@dataclass(frozen=True)
class Level:
    """The zero-frequency level of a spectrum: a mixture of fits, each with the bend at another frequency."""

    weights: np.ndarray
    """Posterior weight of each fit, shape ``(F,)``."""
    values: np.ndarray
    """Level of each fit, shape ``(F,)``."""
    errors: np.ndarray
    """Its standard error, shape ``(F,)``."""
    rises: np.ndarray
    """Height of the plateau beyond the bend over the level, in levels, shape ``(F,)``."""
    bends: np.ndarray
    """Frequency of the bend [1/fs], shape ``(F,)``."""
    sharpness: np.ndarray
    """Sharpness of the bend: 1 for one relaxation time, less for a distribution, shape ``(F,)``."""
    dof: float
    """Degrees of freedom of the errors."""
    log_evidence: float
    """Logarithm of the probability of the spectrum when it has a level, up to a constant."""

    @property
    def value(self) -> float:
        """Mean of the mixture."""
        return float(self.weights @ self.values)

    @property
    def model_variance(self) -> float:
        """Relative variance that is due to where the spectrum bends, beyond that of a flat one."""
        smallest = float(((self.errors / self.values) ** 2).min())
        return max(0.0, (self.error() / self.value) ** 2 - smallest)

    def error(self, excess: float = 0.0) -> float:
        """Return the standard error: what the interval spans, over what it spans in units of Student's t."""
        lower, upper = self.interval(excess)
        return self.value * float(np.log(upper / lower) / (2 * stats.t.ppf(0.975, self.dof)))

    def interval(self, excess: float = 0.0) -> tuple[float, float]:
        """Return the 95 % interval, taken in the logarithm; ``excess`` is a relative variance to be added."""
        logarithms = np.log(self.values)
        spreads = np.sqrt((self.errors / self.values) ** 2 + excess)
        ends = (logarithms - 50 * spreads).min(), (logarithms + 50 * spreads).max()

        def excess_below(logarithm: float, quantile: float) -> float:
            return float(special.stdtr(self.dof, (logarithm - logarithms) / spreads) @ self.weights) - quantile

        lower, upper = (optimize.brentq(excess_below, *ends, args=(quantile,)) for quantile in (0.025, 0.975))
        return math.exp(lower), math.exp(upper)

    def highest(self, frequency: np.ndarray) -> float:
        """Return the highest of ascending frequencies with the spectrum within a tenth of its level [1/fs]."""
        within = np.abs(self.shape(frequency) - 1) <= _BENT
        return float(frequency[-1] if within.all() else frequency[max(1, int(np.argmin(within))) - 1])

    def shape(self, frequency: np.ndarray) -> np.ndarray:
        """Return the spectrum over its level at given frequencies [1/fs], shape as given."""
        return (1 + self.rises * _rise(frequency[..., None] / self.bends, self.sharpness)) @ self.weights


def fit_level(
    frequency: np.ndarray,
    power: np.ndarray,
    relative_variance: float,
    dof: float,
    lowest: float,
    *,
    flat_prior: float = 0.65,
    rise_prior: float = 4.0,
) -> Level:
    r"""Find the zero-frequency level of a spectrum whose bend, if any, is not known.

    .. math:: S(f) = a \left(1 + b \frac{(f/f_0)^{2s}}{1 + (f/f_0)^{2s}}\right)

    with b > 0 for ions that rattle in cages (the cage's own spectrum comes on top), b < 0 for ballistic motion at short
    times, s = 1 for one relaxation time and less for many. For each :math:`f_0` and s of a grid a and ab follow by
    linear least squares; the fits are averaged with their evidence.

    Parameters
    ----------
    frequency
        Frequencies of the modes [1/fs], ascending, shape ``(M,)``.
    power
        Mean squares of the modes, shape ``(M,)``, any unit.
    relative_variance
        Variance of one of the powers over its expectation squared.
    dof
        Degrees of freedom behind that variance.
    lowest
        Frequency of the lowest mode of the longest run [1/fs].
    flat_prior
        Prior weight of a spectrum without a bend.
    rise_prior
        Rise of the spectrum within the band, in levels, up to which a bend is considered.

    References
    ----------
    Averaging over models by evidence: Kass, Raftery, DOI 10.1080/01621459.1995.10476572.
    """
    starts = mode_bins(len(power))
    counts = np.diff(np.append(starts, len(power)))
    means = np.add.reduceat(power, starts) / counts
    squares = np.add.reduceat(frequency**2, starts) / counts
    half_dof = counts / relative_variance  # of each bin's mean, as a scaled chi-square
    top = frequency[-1]
    bends = np.geomspace(_LOWEST_BEND * lowest, max(1.5 * _LOWEST_BEND * lowest, _HIGHEST_BEND * top), _N_BENDS)
    bends, sharpness = (one.ravel() for one in np.meshgrid(bends, _SHARPNESS))
    heights = _rise(top / bends, sharpness)
    rises = _rise(np.sqrt(squares) / bends[:, None], sharpness[:, None]) / heights[:, None]

    flat = np.array([half_dof @ means / half_dof.sum()])
    found = _fit_bends(means, half_dof, rises)
    levels, steps = (np.concatenate([one, other]) for one, other in zip((flat, [0.0]), found, strict=True))
    shapes = levels[:, None] + steps[:, None] * np.vstack([np.zeros_like(means), rises])
    is_sound = (levels > 0) & (shapes > 0).all(axis=1) & (steps <= rise_prior * levels)
    shapes = np.where(is_sound[:, None], shapes, 1.0)

    likelihood = -(half_dof * (np.log(shapes) + means / shapes)).sum(axis=1)
    weights = half_dof / shapes**2
    moments = np.array([weights.sum(axis=1), *(np.einsum("fb,fb->f", weights, _padded(rises) ** n) for n in (1, 2))])
    determinant = np.where(levels == flat, 1.0, moments[0] * moments[2] - moments[1] ** 2)
    is_sound[1:] &= determinant[1:] > 1e-12 * moments[0, 1:] * moments[2, 1:]
    variance = np.append(1 / moments[0, 0], moments[2, 1:] / np.where(is_sound[1:], determinant[1:], 1.0))
    # evidence: likelihood at its maximum times the volume of the posterior over that of the prior
    volume = np.append(0.5 * np.log(2 * np.pi * variance[0]), np.log(2 * np.pi) - 0.5 * np.log(np.abs(determinant[1:])))
    shares = np.repeat(_SHARPNESS_PRIOR, _N_BENDS) * (1 - flat_prior) / _N_BENDS
    prior = np.log(np.append(flat_prior, shares)) - np.log(np.append(1.0, rise_prior * np.abs(levels[1:])))
    evidence = np.where(is_sound, likelihood + volume + prior - np.log(np.abs(levels)), -np.inf)
    chances = np.exp(evidence - evidence.max())
    return Level(
        weights=(chances / chances.sum())[is_sound],
        values=levels[is_sound],
        errors=np.sqrt(variance[is_sound]),
        rises=(steps / np.append(1.0, heights) / levels)[is_sound],
        bends=np.append(top, bends)[is_sound],
        sharpness=np.append(1.0, sharpness)[is_sound],
        dof=dof,
        log_evidence=float(evidence.max() + np.log(chances.sum())),
    )


def find_level(
    frequency: np.ndarray, power: np.ndarray, lowest: float, expected_variance: float, **priors: float
) -> tuple[Level, float]:
    """Find the zero-frequency level of a spectrum with the scatter of its powers, see ``fit_level``.

    Parameters
    ----------
    frequency
        Frequencies of the modes [1/fs], ascending, shape ``(M,)``.
    power
        Mean squares of the modes of each direction, shape ``(M, 3)``.
    lowest
        Frequency of the lowest mode of the longest run [1/fs].
    expected_variance
        First guess of the relative variance of the powers averaged over directions.
    priors
        As for ``fit_level``.

    Returns
    -------
    tuple
        The level, and the relative variance seen.
    """
    per_axis = power.mean(axis=0)
    share = float((per_axis**2).sum() / per_axis.sum() ** 2)  # 1/3 when all directions are alike
    variance, dof = expected_variance, float(power.size - 3)
    for _ in range(2):
        level = fit_level(frequency, power.mean(axis=1), variance, dof, lowest, **priors)
        relative = power / level.shape(frequency)[:, None]
        relative /= relative.mean(axis=0)
        variance = float(((relative - 1) ** 2).sum() / (relative.size - 3)) * share
    return fit_level(frequency, power.mean(axis=1), variance, dof, lowest, **priors), variance


def tilt_evidence(frequency: np.ndarray, power: np.ndarray, relative_variance: float, tolerance: float) -> float:
    r"""Return the logarithm of the probability of a spectrum that goes like a power of the frequency.

    It compares with the one ``fit_level`` finds. Motion whose MSD goes like :math:`t^\alpha` has a spectrum like
    :math:`f^{1-\alpha}`; exponents from ``tolerance`` to 2 on either side of zero are thought equally likely.

    Parameters
    ----------
    frequency, power, relative_variance
        As for ``fit_level``.
    tolerance
        Exponents closer to zero than this pass for a level.
    """
    starts = mode_bins(len(power))
    counts = np.diff(np.append(starts, len(power)))
    means = np.add.reduceat(power, starts) / counts
    half_dof = counts / relative_variance
    logarithm = np.add.reduceat(np.log(frequency), starts) / counts
    centred = logarithm - half_dof @ logarithm / half_dof.sum()
    tilts = np.concatenate([-np.linspace(_STEEPEST, tolerance, _N_TILTS), np.linspace(tolerance, _STEEPEST, _N_TILTS)])
    shapes = np.exp(tilts[:, None] * centred)
    levels = (half_dof * means / shapes).sum(axis=1) / half_dof.sum()  # the likeliest for each exponent
    expected = levels[:, None] * shapes
    likelihood = -(half_dof * (np.log(expected) + means / expected)).sum(axis=1)
    volume = 0.5 * np.log(2 * np.pi / half_dof.sum())  # of ln level
    return float(np.logaddexp.reduce(likelihood) - np.log(len(tilts)) + volume)


def _rise(ratio: np.ndarray, sharpness: np.ndarray) -> np.ndarray:
    """Return a bend over its height, at a frequency over that of the bend."""
    power = ratio ** (2 * sharpness)
    return np.asarray(power / (1 + power))


def _padded(rises: np.ndarray) -> np.ndarray:
    return np.vstack([np.zeros(rises.shape[1]), rises])


def _fit_bends(means: np.ndarray, half_dof: np.ndarray, rises: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit level and step for each bend by least squares, weights following the fitted spectrum."""
    expected = np.broadcast_to(means.mean(), rises.shape)
    for _ in range(_ITERATIONS):
        weights = half_dof / expected**2
        total, first, second = weights.sum(axis=1), (weights * rises).sum(axis=1), (weights * rises**2).sum(axis=1)
        determinant = np.maximum(total * second - first**2, 1e-300)
        sum_level, sum_step = weights @ means, (weights * rises) @ means
        levels = (second * sum_level - first * sum_step) / determinant
        steps = (total * sum_step - first * sum_level) / determinant
        expected = np.maximum(levels[:, None] + steps[:, None] * rises, _FLOOR * means.mean())
    return levels, steps
