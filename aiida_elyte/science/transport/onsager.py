"""Collective transport: Onsager coefficients, conductivity and transference numbers."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from aiida_elyte.science.statistics.estimate import Estimate, Refusal, chi_square_interval, upper_limit
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.grouping import Groups
from aiida_elyte.science.transport.references import Reference
from aiida_elyte.science.transport.spectrum import find_level, mode_bins, sine_modes
from aiida_elyte.science.transport.tracer import TracerSpectrum
from aiida_elyte.units import BOLTZMANN_EV_K, MS_CM, ONSAGER_SI

__all__ = ["CollectiveModes", "collective_modes"]

_RESOLVED = 2.0
"""A coefficient below this many standard errors is not told from zero."""

_FLAT_PRIOR = 0.999
"""Prior probability that the collective spectrum is level where that of the tracers is."""

_RISE_PRIOR = 100.0
"""Rise of the collective spectrum within the band, in levels, up to which a bend is considered."""

_STEEP = 20.0
"""Power, in that of the lowest modes, from which on a band is not looked at: it says nothing about the level."""

_LOWEST_MODES = 24
"""Lowest modes that tell the level roughly."""

_NARROWING = 6.0
"""A band reaches to this many times the cutoff at most."""

_MIN_MODES = 12
"""Modes over all replicas below which a bend of the collective spectrum is not looked for."""

_FIXED = 1e-9
"""Error of a transference number below which it is not a result of the motion."""

_AXES = "xyz"


@dataclass(frozen=True)
class CollectiveModes:
    """Low-frequency modes of the summed displacements of each carrier: independent Gaussian vectors."""

    species: tuple[str, ...]
    """Carriers, ``C`` of them."""
    charges: np.ndarray
    """Their charges [e], shape ``(C,)``."""
    modes: tuple[np.ndarray, ...]
    """For each replica the modes over √(2ΔtVkT), so that the mean of their products is a transport coefficient
    [Å²/fs/(Å³ eV)], shape ``(K, 3, C)``."""
    dipoles: tuple[np.ndarray, ...]
    """The same of the charge displacement, that of the neutralising background included, shape ``(K, 3)``."""
    extra_variance: float
    """Relative variance of a power beyond that of Gaussian modes: of the spectrum's shape, and of few jumps."""
    groups: Groups
    """Which replicas are alike."""
    is_isotropic: bool
    """Whether all directions are alike."""
    window: tuple[float, float]
    """Diffusive window of the tracers [fs]."""
    method: str
    """How the modes were chosen."""

    def conductivity(self) -> Estimate | Refusal:
        """Return σ [mS/cm], the power of the charge displacement."""
        return self._power(self.dipoles, MS_CM, "mS/cm", "charge displacement")

    def conductivity_tensor(self) -> dict[str, Estimate | Refusal]:
        """Return the components ``xx`` … of the conductivity [mS/cm]."""
        found: dict[str, Estimate | Refusal] = {}
        for i, j in itertools.combinations_with_replacement(range(3), 2):
            pair = [(one[:, i], one[:, j]) for one in self.dipoles]
            name = f"{_AXES[i]}{_AXES[j]}"
            found[name] = self._product(pair, MS_CM, "mS/cm", f"charge displacement along {_AXES[i]} and {_AXES[j]}")
        return found

    def onsager(self) -> dict[tuple[str, str], Estimate | Refusal]:
        """Return L_ab [mol²/(J m s)] for each pair of carriers."""
        found: dict[tuple[str, str], Estimate | Refusal] = {}
        for a, b in itertools.combinations_with_replacement(range(len(self.species)), 2):
            pair = [(one[..., a], one[..., b]) for one in self.modes]
            names = self.species[a], self.species[b]
            found[names] = self._product(
                pair, ONSAGER_SI, "mol2/(J m s)", f"displacements of {names[0]} and {names[1]}"
            )
        return found

    def transference(self) -> dict[str, Estimate | Refusal]:
        r"""Return the transference number of each carrier.

        .. math:: t_a = z_a \sum_b z_b L_{ab} / \sum_{ab} z_a z_b L_{ab}

        is the slope of the regression of the displacement of the charge of species a on that of all charge.
        """
        return {
            name: self._slope(
                [charge * one[..., index] for one in self.modes],
                self.dipoles,
                f"regression of the charge of {name} on all charge",
            )
            for index, (name, charge) in enumerate(zip(self.species, self.charges.tolist(), strict=True))
        }

    def _samples(self, values: Sequence[np.ndarray]) -> float:
        """Return how many independent Gaussian samples lie behind the mean square of some values of the modes."""
        n_modes = sum(len(one) for one in values)
        if values[0].ndim == 1:
            return float(n_modes)
        if self.is_isotropic:
            return 3.0 * n_modes
        per_axis = sum((one**2).sum(axis=0) for one in values)
        return float(n_modes * per_axis.sum() ** 2 / (per_axis**2).sum())

    def _dof(self, n_samples: float) -> float:
        """Return the degrees of freedom of a power, with what is not Gaussian about the modes."""
        return 2.0 / (2.0 / n_samples + self.extra_variance)

    def _power(self, values: Sequence[np.ndarray], unit: float, unit_name: str, what: str) -> Estimate | Refusal:
        mean = self.groups.mean([one**2 * unit for one in values])
        if not mean.value > 0:
            return Refusal(f"no {what}: at rest by the choice of frame; choose another frame")
        method = f"{what}, {self.method}; {self.groups.describe(mean)}"
        if self.groups.replicas_differ(mean):
            n_effective, std, interval = float(mean.n_effective), mean.std, mean.interval()
        else:
            n_effective = self._dof(self._samples(values))
            std, interval = mean.value * math.sqrt(2 / n_effective), chi_square_interval(mean.value, n_effective)
        if mean.value > _RESOLVED * std:
            pooled = Estimate(mean.value, std, interval, unit_name, n_effective, method, self.window)
            return self.groups.with_errors(pooled, [one**2 for one in values], is_positive=True, scale=unit)
        limit = mean.limit() if mean.between else mean.value * n_effective / float(stats.chi2.ppf(0.05, n_effective))
        bound = upper_limit(limit, std, unit_name, n_effective, method, self.window)
        reason = f"{mean.value:.3g} ± {std:.2g} {unit_name} is not resolved from zero; run longer or more replicas"
        return Refusal(reason, bound)

    def _product(
        self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], unit: float, unit_name: str, what: str
    ) -> Estimate | Refusal:
        r"""Return the mean of the product of two values of the modes, a covariance.

        With variances scaled to one it is :math:`\tfrac12[(1+\rho) - (1-\rho)]`, a difference of two independent
        variances, whose intervals combine (Zou, Donner, DOI 10.1002/sim.3095).
        """
        if all(first is second or np.array_equal(first, second) for first, second in pairs):
            return self._power([first for first, _ in pairs], unit, unit_name, what)
        products = [first * second * unit for first, second in pairs]
        mean = self.groups.mean(products)
        if any(not sum(float((pair[side] ** 2).sum()) for pair in pairs) > 0 for side in (0, 1)):
            return Refusal(f"no {what}: one of them rests by the choice of frame; choose another frame")
        method = f"{what}, {self.method}; {self.groups.describe(mean)}"
        powers = [sum(float((pair[side] ** 2).sum()) for pair in pairs) for side in (0, 1)]
        n = sum(pair[0].size for pair in pairs)
        scale = math.sqrt(powers[0] * powers[1]) / n * unit
        if self.groups.replicas_differ(mean):
            half = float(stats.t.ppf(0.975, mean.dof)) * mean.std
            interval = (mean.value - half, mean.value + half)
            found = Estimate(mean.value, mean.std, interval, unit_name, float(mean.n_effective), method, self.window)
            return self.groups.with_errors(found, products, is_positive=False)
        dof = self._dof(self._samples([first for first, _ in pairs]))
        value = sum(float((first * second).sum()) for first, second in pairs) / n * unit
        together, apart = 0.5 * (scale + value), 0.5 * (scale - value)
        low_together, high_together = chi_square_interval(together, dof)
        low_apart, high_apart = chi_square_interval(apart, dof)
        interval = (
            value - math.hypot(together - low_together, high_apart - apart),
            value + math.hypot(high_together - together, apart - low_apart),
        )
        std = math.sqrt((scale**2 + value**2) / dof)
        pooled = Estimate(value, std, interval, unit_name, dof, method, self.window)
        return self.groups.with_errors(pooled, products, is_positive=False)

    def _slope(self, part: Sequence[np.ndarray], whole: Sequence[np.ndarray], what: str) -> Estimate | Refusal:
        """Return the slope of a regression through the origin; its error is Student's."""
        n = self._samples(whole)
        dof = self._dof(n) - 1.0
        if dof < 2.0:
            return Refusal(f"{dof + 1:.1f} independent samples; expected at least 3; run longer or more replicas")
        norm = sum(float((one**2).sum()) for one in whole)
        value = sum(float((a * b).sum()) for a, b in zip(part, whole, strict=True)) / norm
        rest = sum(float(((a - value * b) ** 2).sum()) for a, b in zip(part, whole, strict=True))
        std = math.sqrt(rest / norm / dof)
        method = f"{what}, {self.method}"
        if std < _FIXED:
            method += "; fixed by the choice of frame, not by the motion"
        if self.groups.replicas_differ(self.groups.mean([one**2 for one in whole])):
            std, dof = self._jackknife(part, whole)
            method += "; error from the groups of replicas, which differ"
        half = float(stats.t.ppf(0.975, dof)) * std
        pooled = Estimate(value, std, (value - half, value + half), "1", dof + 1.0, method, self.window)
        return self.groups.with_member_errors(pooled, self._slopes(part, whole), is_positive=False)

    def _slopes(self, part: Sequence[np.ndarray], whole: Sequence[np.ndarray]) -> dict[str, tuple[float, float]]:
        """Return the slope of each group of replicas alone, and the sum of squares behind it."""
        found = {}
        for name in dict.fromkeys(self.groups.labels):
            chosen = [index for index, label in enumerate(self.groups.labels) if label == name]
            squares = sum(float((whole[index] ** 2).sum()) for index in chosen)
            found[name] = (sum(float((part[index] * whole[index]).sum()) for index in chosen) / squares, squares)
        return found

    def _jackknife(self, part: Sequence[np.ndarray], whole: Sequence[np.ndarray]) -> tuple[float, float]:
        """Return the standard error of a slope by leaving out one group at a time, and its degrees of freedom."""
        names = sorted(set(self.groups.labels))
        slopes = []
        for left_out in names:
            kept = [index for index, label in enumerate(self.groups.labels) if label != left_out]
            product = sum(float((part[index] * whole[index]).sum()) for index in kept)
            slopes.append(product / sum(float((whole[index] ** 2).sum()) for index in kept))
        return math.sqrt((len(names) - 1) * float(np.var(slopes))), float(len(names) - 1)


def collective_modes(
    replicas: Sequence[Series],
    tracers: Mapping[str, TracerSpectrum],
    charges: Mapping[str, float],
    reference: Reference,
    background: Reference,
    temperature_K: float,
    *,
    is_isotropic: bool,
    groups: Groups,
    note: str,
) -> CollectiveModes:
    r"""Compute the low-frequency modes of the carriers' summed displacements.

    .. math::
        L_{ab} = \frac{1}{V k_B T} \lim_{f \to 0} \frac{\langle y_a(f) y_b(f) \rangle}{2 \Delta t}, \quad
        \sigma = e^2 \sum_{ab} z_a z_b L_{ab}

    with y the sine modes of one direction of Σ_i Δr_i over the particles of a species, in the frame of reference.
    Modes are taken up to the frequency where the tracers' spectra leave their zero-frequency level by a tenth; what
    deviation there is is divided out.

    Parameters
    ----------
    replicas
        Replicas on one time step.
    tracers
        Spectrum of each carrier.
    charges
        Charge of each species [e].
    reference
        What is at rest.
    background
        What carries the charge that neutralises the carriers; it moves where it is not at rest.
    temperature_K
        Temperature [K].
    is_isotropic
        Whether all directions are alike.
    groups
        Which replicas are alike.
    note
        What to add to the method: the frame.
    """
    species = tuple(tracers)
    z = np.array([charges[name] for name in species])
    counts = np.array([float(replicas[0].counts[replicas[0].species.index(name)]) for name in species])
    shares = z**2 * counts * np.array([tracers[name].level.value for name in species])
    shares /= shares.sum()
    cutoff = min(spectrum.cutoff for spectrum in tracers.values())
    fitted = min(spectrum.fitted for spectrum in tracers.values())
    modes, frequencies = [], []
    for one in replicas:
        duration = (len(one.time_fs) - 1) * one.interval_fs
        n_modes = max(1, min(len(one.time_fs) - 1, int(2 * duration * fitted * (1 + 1e-9))))
        frequency = np.arange(1, n_modes + 1) / (2 * duration)
        shape = sum(share * tracers[name].level.shape(frequency) for share, name in zip(shares, species, strict=True))
        summed = one.collective_A[:, [one.species.index(name) for name in species]].transpose(0, 2, 1)
        moved = summed - counts * reference.drift_of(one)[..., None]
        dipole = (summed - counts * background.drift_of(one)[..., None]) @ z
        if len(reference.rests_on) == 1:  # exactly, not but for rounding
            moved[..., [name in reference.rests_on for name in species]] = 0.0
        moved = np.concatenate([moved, dipole[..., None]], axis=-1)
        factor = 2 * one.interval_fs * one.volume_A3.mean() * BOLTZMANN_EV_K * temperature_K
        modes.append(sine_modes(moved, n_modes) / np.sqrt(factor * shape)[:, None, None])
        frequencies.append(frequency)
    extra = sum(
        share**2 * (tracers[name].scatter + tracers[name].level.model_variance)
        for share, name in zip(shares.tolist(), species, strict=True)
    )
    flat = _flatten(modes, frequencies, cutoff)
    return CollectiveModes(
        species=species,
        charges=z,
        modes=tuple(one[..., :-1] for one in flat.modes),
        dipoles=tuple(one[..., -1] for one in flat.modes),
        extra_variance=float(extra) + flat.variance,
        groups=groups,
        is_isotropic=is_isotropic,
        window=(
            max(spectrum.window.start_fs for spectrum in tracers.values()),
            min(spectrum.window.end_fs for spectrum in tracers.values()),
        ),
        method=f"spectrum below {1e3 * flat.cutoff:.3g}/ps, where that of the tracers is level, {note}",
    )


@dataclass(frozen=True)
class _Flat:
    modes: tuple[np.ndarray, ...]
    cutoff: float
    """Highest frequency kept [1/fs]."""
    variance: float
    """Relative variance due to the shape, beyond that of the modes kept."""


def _flatten(modes: Sequence[np.ndarray], frequencies: Sequence[np.ndarray], longest: float) -> _Flat:
    """Keep the modes up to a frequency, or to where the spectrum of the charge displacement bends by itself.

    What is at rest may rattle as a whole, and neighbours may push each other to and fro. Where the spectrum rises
    steeply its form over the whole band is not known: the band is narrowed until the level reaches over a third of it.
    """
    frequency = np.concatenate(frequencies)
    order = np.argsort(frequency, kind="stable")
    frequency, power = frequency[order], np.concatenate([one[..., -1] ** 2 for one in modes])[order]
    cutoff, level, n_modes = longest, None, _below_the_steep(power.mean(axis=1))
    flat_prior = _FLAT_PRIOR if n_modes == len(frequency) else 1.0 - _FLAT_PRIOR
    while n_modes >= _MIN_MODES:
        band, priors = slice(0, n_modes), {"flat_prior": flat_prior, "rise_prior": _RISE_PRIOR}
        level, _ = find_level(frequency[band], power[band], float(frequency[0]), 2.0 / 3.0, **priors)
        cutoff = level.highest(frequency[band])
        narrower = int(np.searchsorted(frequency, _NARROWING * cutoff, side="right"))
        if narrower >= n_modes:
            break
        n_modes, flat_prior = narrower, 1.0 - _FLAT_PRIOR  # a bend once seen is there
    cutoff = max(min(cutoff, longest * (1 + 1e-9)), float(frequency[0]))
    kept = [one <= cutoff for one in frequencies]
    if level is None:
        return _Flat(tuple(one[chosen] for one, chosen in zip(modes, kept, strict=True)), cutoff, 0.0)
    flat = tuple(
        one[chosen] / np.sqrt(level.shape(given[chosen]))[:, None, None]
        for one, given, chosen in zip(modes, frequencies, kept, strict=True)
    )
    n_kept = 3.0 * sum(int(chosen.sum()) for chosen in kept)
    return _Flat(flat, cutoff, max(0.0, (level.error() / level.value) ** 2 - 2.0 / n_kept))


def _below_the_steep(power: np.ndarray) -> int:
    """Return how many of ascending modes lie below where their power is far above that of the lowest."""
    starts = mode_bins(len(power))
    means = np.add.reduceat(power, starts) / np.diff(np.append(starts, len(power)))
    steep = np.flatnonzero(means > _STEEP * power[:_LOWEST_MODES].mean())
    return min(len(power), max(_MIN_MODES, int(starts[steep[0]]))) if len(steep) else len(power)
