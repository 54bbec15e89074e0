"""Diffusion coefficients, conductivity and Haven ratio from series, with error bars that cover, or a refusal.

The points of one MSD curve are strongly correlated, so no error is taken from a fit. Replicas are cut into blocks that
share no displacement; each gives its own slope; the error bar is that of their mean, with Student's quantile.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.displacement import displacements_in_frame, mean_squared_displacement, reference_of
from aiida_elyte.science.transport.windows import MsdCurve, Window, msd_curve, usable_series
from aiida_elyte.units import BOLTZMANN_EV_K, CM2_S, MS_CM

__all__ = ["Estimate", "Mean", "Refusal", "estimate_transport", "mean_of_groups", "result_from_dict"]

_TRACER_PLAN = (12, 2)
"""Blocks over all replicas, and ratio of longest to shortest lag fitted: tracers are precise, so late lags, free of
what remains of the cage, are worth their noise."""

_COLLECTIVE_PLAN = (20, 4)
"""The same for the charge displacement, where noise is all and early lags have less of it."""

_MIN_BLOCKS = 3
"""Fewer independent blocks than this give no error bar worth its name."""

_BOUND_BLOCKS = 8
"""Blocks over all replicas behind the upper bound of a collective quantity."""

_RESOLVED = 2.0
"""A mean below this many standard errors is not told from zero."""

_POOLING_P = {"members": 0.25, "replicas": 0.05}
"""Groups whose means differ with a p-value below this are not pooled: preliminary test, DOI 10.1214/aoms/1177731284.

Members are different models, so little evidence suffices; replicas are the same system, so it takes more."""


@dataclass(frozen=True)
class Estimate:
    """A number with its error."""

    value: float
    """Best estimate."""
    std: float
    """Standard error."""
    ci95: tuple[float, float]
    """95 % confidence interval."""
    unit: str
    """Unit of value, error and interval."""
    n_effective: float
    """Number of independent samples behind the error."""
    method: str
    """How it was obtained."""
    window: tuple[float, float] | None = None
    """Range of lags fitted [fs], where there is one."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-serialisable values."""
        return {**asdict(self), "ci95": list(self.ci95), "window": list(self.window) if self.window else None}


@dataclass(frozen=True)
class Refusal:
    """No number, and why."""

    reason: str
    """One line: what stands in the way and what would help."""
    upper_bound: Estimate | None = None
    """One-sided 95 % upper limit in ``value``, when the data allow one."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-serialisable values."""
        return {"refused": self.reason, "upper_bound": self.upper_bound and self.upper_bound.as_dict()}


def result_from_dict(fields: Mapping[str, Any]) -> Estimate | Refusal:
    """Return what ``as_dict`` of an estimate or a refusal was taken from."""
    if "refused" in fields:
        bound = fields["upper_bound"] and result_from_dict(fields["upper_bound"])
        return Refusal(fields["refused"], bound if isinstance(bound, Estimate) else None)
    window = fields["window"]
    return Estimate(**{**fields, "ci95": tuple(fields["ci95"]), "window": tuple(window) if window else None})


@dataclass(frozen=True)
class Mean:
    """Mean of grouped samples with its error."""

    value: float
    """Mean."""
    std: float
    """Standard error of the mean."""
    dof: int
    """Degrees of freedom of the error."""
    n_effective: int
    """Independent samples: all of them when the groups agree, else the groups."""
    within: float
    """Standard error if the groups did not differ: the statistical part; NaN when each group has one sample."""
    between: float
    """Standard error due to the groups' own differences: of models, when groups are ensemble members."""

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of a positive quantity, symmetric in its logarithm as its samples are skewed."""
        factor = math.exp(min(float(stats.t.ppf(0.975, self.dof)) * self.std / self.value, 50.0))
        return self.value / factor, self.value * factor

    def is_resolved(self) -> bool:
        """Tell whether the mean stands out of zero by more than twice its error."""
        return self.value > _RESOLVED * self.std

    def limit(self) -> float:
        """Return the one-sided 95 % upper limit."""
        return self.value + float(stats.t.ppf(0.95, self.dof)) * self.std


def mean_of_groups(samples: np.ndarray, groups: np.ndarray, pooling_p: float) -> Mean:
    """Compute the mean of grouped samples by one-way random effects.

    Samples are pooled when an F test sees no difference between groups; else the groups' means are the samples.

    Parameters
    ----------
    samples
        Samples, independent within their group, shape ``(n,)``, n ≥ 2.
    groups
        Group of each sample, shape ``(n,)``.
    pooling_p
        p-value of the F test above which the samples are pooled.

    References
    ----------
    Searle, Casella, McCulloch, Variance Components, DOI 10.1002/9780470316856.
    """
    names = sorted(set(groups.tolist()))
    members = [samples[groups == name] for name in names]
    n, k = len(samples), len(names)
    pooled, pooled_error = float(samples.mean()), float(samples.std(ddof=1)) / math.sqrt(n)
    if k == n:
        return Mean(pooled, pooled_error, n - 1, n, math.nan, 0.0)
    means = np.array([member.mean() for member in members])
    sizes = np.array([len(member) for member in members])
    square_within = sum(float(((member - member.mean()) ** 2).sum()) for member in members) / (n - k)
    statistical = math.sqrt(square_within * float((1 / sizes).sum())) / k
    if k > 1:
        square_between = float((sizes * (means - pooled) ** 2).sum()) / (k - 1)
        if stats.f.sf(square_between / max(square_within, 1e-300), k - 1, n - k) < pooling_p:
            error = float(means.std(ddof=1)) / math.sqrt(k)
            between = math.sqrt(max(0.0, error**2 - statistical**2))
            return Mean(float(means.mean()), error, k - 1, k, statistical, between)
    return Mean(pooled, pooled_error, n - 1, n, statistical, 0.0)


def estimate_transport(
    series: Sequence[Series], charges: Mapping[str, float], temperature_K: float
) -> dict[str, Estimate | Refusal]:
    r"""Estimate tracer diffusion, Nernst–Einstein and full conductivity, and the Haven ratio.

    .. math::
        D_a = \frac{1}{6} \frac{d}{dt} \langle |r_i(t) - r_i(0)|^2 \rangle_{i \in a}, \quad
        \sigma_{NE} = \frac{e^2}{V k_B T} \sum_a z_a^2 N_a D_a, \quad
        \sigma = \frac{e^2}{6 V k_B T} \frac{d}{dt} \Big\langle \Big|\sum_a z_a \Delta R_a(t)\Big|^2 \Big\rangle, \quad
        H = \sigma_{NE} / \sigma

    with r in the frame where the centre of mass of the framework rests (of all atoms, when every species has a charge),
    and ΔR_a the sum of the displacements of species a.

    Parameters
    ----------
    series
        Replicas, of one or several ensemble members, of one system at one temperature.
    charges
        Charge of each mobile species [e]; species left out are the neutralising framework.
    temperature_K
        Temperature [K].

    Returns
    -------
    dict
        ``tracer_diffusion_<El>`` [cm²/s] for each species in ``charges``, ``conductivity_nernst_einstein`` and
        ``conductivity`` [mS/cm], ``haven_ratio``; a ``Refusal`` where the data carry no number.

    Raises
    ------
    InputError
        When charges, temperature or series cannot be used.

    References
    ----------
    Error bars by blocks: Flyvbjerg, Petersen, DOI 10.1063/1.457480. Conventions: France-Lanord, Grossman,
    DOI 10.1103/PhysRevLett.122.136001.
    """
    if not (math.isfinite(temperature_K) and temperature_K > 0):
        raise InputError(
            f"temperature_K is {temperature_K}; expected a positive number; give the temperature of the run"
        )
    replicas = usable_series(series)
    _check_charges(charges, replicas[0])
    reference = reference_of(replicas[0], charges)
    frame = (
        "all atoms" if set(reference) == set(replicas[0].species) else "the framework (" + ", ".join(reference) + ")"
    )
    note = f"frame: centre of mass of {frame} at rest"
    if len(replicas) < len(series):
        note += f"; {len(series) - len(replicas)} replicas shorter than half the longest left out"

    curves = {name: msd_curve(replicas, name, reference) for name in charges}
    results: dict[str, Estimate | Refusal] = {
        f"tracer_diffusion_{name}": _diffusion(replicas, curve, reference, note) for name, curve in curves.items()
    }
    dipoles = [_dipole(one, charges, reference)[:, None] for one in replicas]
    carriers = {name: curves[name] for name, charge in charges.items() if charge}
    refused = [curve.reason for curve in carriers.values() if curve.window is None]
    if refused:
        reason = "; ".join(refused) + " (a species of the framework is to be left out of charges)"
        bound = _bound_nernst_einstein(replicas, charges, results, temperature_K)
        return results | {
            "conductivity_nernst_einstein": Refusal(reason, bound),
            "conductivity": Refusal(reason, bound and _bound_conductivity(replicas, dipoles, temperature_K)),
            "haven_ratio": Refusal(reason),
        }

    start = max(curve.window.start_fs for curve in carriers.values() if curve.window)
    end = min(curve.window.end_fs for curve in carriers.values() if curve.window)
    factors = [_conductivity_factor(one, temperature_K) for one in replicas]
    moved = {name: [displacements_in_frame(one, name, reference) for one in replicas] for name in carriers}
    weights = {name: charges[name] ** 2 * _count(replicas[0], name) / 6 for name in carriers}

    blocks = _Blocks.in_window(replicas, start, end, _TRACER_PLAN)
    samples = sum(weights[name] * blocks.slopes(moved[name]) for name in carriers) * blocks.per_block(factors)
    bare = _judge(samples, blocks, "mS/cm", f"Nernst–Einstein, {note}")
    blocks = _Blocks.in_window(replicas, start, end, _COLLECTIVE_PLAN)
    samples = blocks.slopes(dipoles) / 6 * blocks.per_block(factors)
    full = _judge(samples, blocks, "mS/cm", f"Einstein, charge displacement in the window of the tracers, {note}")
    return results | {
        "conductivity_nernst_einstein": bare,
        "conductivity": full,
        "haven_ratio": _haven_ratio(bare, full),
    }


def _check_charges(charges: Mapping[str, float], series: Series) -> None:
    known = ", ".join(series.species)
    if not charges:
        raise InputError(
            f"charges is empty; expected the charge of each mobile species among {known}, e.g. {{'Li': 1.0}}"
        )
    unknown = sorted(set(charges) - set(series.species))
    if unknown:
        raise InputError(f"charges names {', '.join(unknown)}; expected species among {known}; correct the symbol")
    for name, charge in charges.items():
        if not math.isfinite(charge):
            raise InputError(
                f"charges gives {name} {charge}; expected a finite number of elementary charges; correct it"
            )
    if not any(charges.values()):
        raise InputError(f"charges are all zero; expected a charge for each mobile species among {known}; give them")
    net = sum(charge * _count(series, name) for name, charge in charges.items())
    if set(charges) == set(series.species) and abs(net) > 1e-6 * sum(map(abs, charges.values())):
        raise InputError(
            f"charges of all species sum to {net:g} e; expected neutral atoms in all; "
            "correct them, or leave the framework out"
        )


def _count(series: Series, species: str) -> int:
    return int(series.counts[series.species.index(species)])


def _conductivity_factor(series: Series, temperature_K: float) -> float:
    """Return what turns e² Å²/fs into conductivity [mS/cm]: 1/(V k T)."""
    return float(MS_CM / (series.volume_A3.mean() * BOLTZMANN_EV_K * temperature_K))


def _dipole(series: Series, charges: Mapping[str, float], reference: tuple[str, ...]) -> np.ndarray:
    """Return Σ z_a ΔR_a in the reference frame [e Å], shape ``(T, 3)``."""
    z = np.array([charges.get(name, 0.0) for name in series.species])
    return np.einsum("s,tsd->td", z, series.collective_A) - (z @ series.counts) * series.drift_of(reference)


class _Blocks:
    """Stretches of the replicas that share no displacement, at least twice as long as the longest lag used in them.

    Parameters
    ----------
    replicas
        Replicas on one time step.
    first, last
        Shortest and longest lag used, in samples.
    """

    def __init__(self, replicas: Sequence[Series], first: int, last: int) -> None:
        self._first, self._last = first, last
        self._step_fs = replicas[0].interval_fs
        self._lengths = [len(one.time_fs) - 1 for one in replicas]
        self._counts = [max(1, length // (2 * last)) for length in self._lengths]
        self._are_members = len({one.member for one in replicas}) > 1
        labels = [one.member if self._are_members else str(index) for index, one in enumerate(replicas)]
        self.groups = np.repeat(labels, self._counts)

    @classmethod
    def in_window(cls, replicas: Sequence[Series], start_fs: float, end_fs: float, plan: tuple[int, int]) -> "_Blocks":
        """Fit lags as long as the wanted number of blocks allows, inside the window."""
        wanted, ratio = plan
        step_fs = replicas[0].interval_fs
        start, end = round(start_fs / step_fs), round(end_fs / step_fs)
        total = sum(len(one.time_fs) - 1 for one in replicas)
        last = min(end, max(3 * start, 4, total // (2 * wanted)))
        return cls(replicas, max(start, last // ratio), last)

    @classmethod
    def of_one_lag(cls, replicas: Sequence[Series]) -> "_Blocks":
        """Use the one longest lag that leaves eight blocks."""
        lag = max(1, min(len(one.time_fs) - 1 for one in replicas) // 2)
        while lag > 1 and sum((len(one.time_fs) - 1) // (2 * lag) for one in replicas) < _BOUND_BLOCKS:
            lag -= 1
        return cls(replicas, lag, lag)

    @property
    def window(self) -> tuple[float, float]:
        """Lags used [fs]."""
        return self._first * self._step_fs, self._last * self._step_fs

    def per_block(self, values: Sequence[float]) -> np.ndarray:
        """Repeat a value of each replica for its blocks."""
        return np.repeat(values, self._counts)

    def squares(self, displacements: Sequence[np.ndarray]) -> np.ndarray:
        """Return the MSD in each block, shape ``(n_blocks, n_lags)``; of one lag, shape ``(n_blocks,)``."""
        found = []
        for displacement, count, length in zip(displacements, self._counts, self._lengths, strict=True):
            size = length // count
            for start in range(0, count * size, size):
                block = displacement[start : start + size + 1]
                found.append(mean_squared_displacement(block, self._last)[self._first :])
        return np.squeeze(np.array(found), axis=1) if self._first == self._last else np.array(found)

    def slopes(self, displacements: Sequence[np.ndarray]) -> np.ndarray:
        """Return the slope of the MSD in each block [Å²/fs], shape ``(n_blocks,)``."""
        lags = np.arange(self._first, self._last + 1) * self._step_fs
        centred = lags - lags.mean()
        return self.squares(displacements) @ centred / (centred @ centred)

    def mean(self, samples: np.ndarray) -> Mean:
        """Return the mean over the blocks with its error."""
        return mean_of_groups(samples, self.groups, _POOLING_P["members" if self._are_members else "replicas"])

    def describe(self, mean: Mean) -> str:
        """Say how the blocks became one mean."""
        kind, cause = ("ensemble members", "model") if self._are_members else ("replicas", "replica")
        text = f"mean of the slopes of {len(self.groups)} blocks, "
        if mean.n_effective == len(self.groups):
            return text + f"pooled over {kind}" + (", which do not differ" if self._are_members else "")
        return text + f"{kind} differ: statistical std {mean.within:.2g}, {cause} std {mean.between:.2g}"


def _diffusion(replicas: list[Series], curve: MsdCurve, reference: tuple[str, ...], note: str) -> Estimate | Refusal:
    if curve.window is None:
        return Refusal(curve.reason, _bound_diffusion(curve))
    blocks = _Blocks.in_window(replicas, curve.window.start_fs, curve.window.end_fs, _TRACER_PLAN)
    moved = [displacements_in_frame(one, curve.species, reference) for one in replicas]
    return _judge(blocks.slopes(moved) / 6 * CM2_S, blocks, "cm2/s", f"tracer MSD, {_diffusive(curve.window)}, " + note)


def _diffusive(window: Window) -> str:
    return (
        f"diffusive from {window.start_fs / 1e3:.3g} to {window.end_fs / 1e3:.3g} ps "
        f"(log–log slope {window.slope:.2f} ± {window.slope_error:.2f})"
    )


def _judge(samples: np.ndarray, blocks: _Blocks, unit: str, method: str) -> Estimate | Refusal:
    """Return the mean of the blocks, or a refusal when it does not stand out of its own error."""
    if len(samples) < _MIN_BLOCKS:
        return Refusal(
            f"{len(samples)} independent blocks; expected at least {_MIN_BLOCKS}; run {_MIN_BLOCKS} replicas or longer"
        )
    mean = blocks.mean(samples)
    described = f"{method}; {blocks.describe(mean)}"
    if mean.is_resolved():
        interval = mean.interval()
        return Estimate(mean.value, mean.std, interval, unit, float(mean.n_effective), described, blocks.window)
    reason = f"{mean.value:.3g} ± {mean.std:.2g} {unit} is not resolved from zero; run longer or more replicas"
    return Refusal(reason, _bound(mean.limit(), mean.std, unit, mean.n_effective, described, blocks.window))


def _haven_ratio(bare: Estimate | Refusal, full: Estimate | Refusal) -> Estimate | Refusal:
    """Return σ_NE/σ, its interval symmetric in ln H; errors are added as if independent, which is the safe side."""
    if isinstance(bare, Refusal):
        return Refusal(f"the Nernst–Einstein conductivity is refused: {bare.reason}")
    if isinstance(full, Refusal):
        return Refusal(f"the conductivity is refused: {full.reason}")
    ratio = bare.value / full.value
    relative = math.hypot(bare.std / bare.value, full.std / full.value)
    spread = math.exp(math.hypot(*(math.log(part.ci95[1] / part.value) for part in (bare, full))))
    n_effective = min(bare.n_effective, full.n_effective)
    method = "Nernst–Einstein over full conductivity, errors added as if independent"
    return Estimate(ratio, ratio * relative, (ratio / spread, ratio * spread), "1", n_effective, method, full.window)


def _bound(
    limit: float, std: float, unit: str, n_effective: float, method: str, window: tuple[float, float]
) -> Estimate:
    return Estimate(limit, std, (0.0, limit), unit, float(n_effective), f"one-sided 95 % upper limit: {method}", window)


def _bound_diffusion(curve: MsdCurve) -> Estimate | None:
    """Return the upper limit of MSD/6t at the longest lag: it falls with t as long as the MSD grows slower."""
    known = np.flatnonzero(np.isfinite(curve.slope))
    limit = curve.msd_limit_A2[-1]
    if not (len(known) and math.isfinite(limit) and limit > 0):
        return None
    if curve.slope[known[-1]] > 1.0 + 2 * curve.slope_error[known[-1]]:
        return None
    lag_fs, factor = float(curve.lag_fs[-1]), CM2_S / (6 * float(curve.lag_fs[-1]))
    method = f"MSD/6t of the tracer at t = {lag_fs / 1e3:.3g} ps"
    std = float(curve.msd_error_A2[-1]) * factor
    return _bound(float(limit) * factor, std, "cm2/s", curve.n_independent, method, (lag_fs, lag_fs))


def _bound_nernst_einstein(
    replicas: list[Series],
    charges: Mapping[str, float],
    results: Mapping[str, Estimate | Refusal],
    temperature_K: float,
) -> Estimate | None:
    """Return the sum of the carriers' upper limits."""
    factor = float(np.mean([_conductivity_factor(one, temperature_K) for one in replicas])) / CM2_S
    lags: list[float] = []
    total, variance, n_effective = 0.0, 0.0, math.inf
    for name, charge in charges.items():
        if not charge:
            continue
        result = results[f"tracer_diffusion_{name}"]
        bound = result.upper_bound if isinstance(result, Refusal) else result
        if bound is None:
            return None
        weight = factor * charge**2 * _count(replicas[0], name)
        total += weight * bound.ci95[1]
        variance += (weight * bound.std) ** 2
        n_effective = min(n_effective, bound.n_effective)
        lags.extend(bound.window or ())
    method = "Nernst–Einstein with the upper limits of the tracer diffusion"
    return _bound(total, math.sqrt(variance), "mS/cm", n_effective, method, (min(lags), max(lags)))


def _bound_conductivity(replicas: list[Series], dipoles: list[np.ndarray], temperature_K: float) -> Estimate | None:
    """Return the upper limit of the charge displacement over 6t, at the longest lag that leaves eight blocks."""
    blocks = _Blocks.of_one_lag(replicas)
    if len(blocks.groups) < _BOUND_BLOCKS:
        return None
    factors = blocks.per_block([_conductivity_factor(one, temperature_K) for one in replicas])
    lag_fs = blocks.window[1]
    mean = blocks.mean(blocks.squares(dipoles) / (6 * lag_fs) * factors)
    if not mean.value > 0:
        return None
    method = f"charge displacement at t = {lag_fs / 1e3:.3g} ps, {len(blocks.groups)} blocks"
    return _bound(mean.limit(), mean.std, "mS/cm", mean.n_effective, method, blocks.window)
