"""Activation energy and extrapolation to room temperature, with a propagated interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.units import BOLTZMANN_EV_K

__all__ = ["MIN_TEMPERATURES", "ArrheniusLine", "fit_arrhenius", "fit_line"]

MIN_TEMPERATURES = 3
"""Temperatures that a line needs at least."""


@dataclass(frozen=True)
class ArrheniusLine:
    """A weighted straight line of ln y against 1/kT, where y is σT or D."""

    intercept: float
    """ln of the prefactor; y in mS K/cm or cm²/s."""
    activation_energy_eV: float
    """Activation energy [eV], minus the slope."""
    covariance: np.ndarray
    """Covariance of intercept and slope, inflated when the points scatter more than their errors, shape ``(2, 2)``."""
    dof: float
    """Degrees of freedom of the covariance."""
    scatter: float
    """Reduced χ² of the points about the line; well above 1 the points do not lie on a line."""
    temperatures_K: tuple[float, ...]
    """Temperatures fitted [K]."""
    times_temperature: bool
    """Whether y is the quantity times temperature."""
    unit: str
    """Unit of the quantity."""
    n_effective: float
    """Independent samples behind all the points."""

    def band(self, temperature_K: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the quantity at given temperatures [K]: value, relative standard error, lower and upper 95 % limit."""
        temperature = np.asarray(temperature_K, float)
        design = np.stack([np.ones_like(temperature), 1 / (BOLTZMANN_EV_K * temperature)], axis=-1)
        logarithm = design @ np.array([self.intercept, -self.activation_energy_eV])
        if self.times_temperature:
            logarithm = logarithm - np.log(temperature)
        error = np.sqrt(np.einsum("...i,ij,...j->...", design, self.covariance, design))
        half = stats.t.ppf(0.975, self.dof) * error
        return np.exp(logarithm), error, np.exp(logarithm - half), np.exp(logarithm + half)


def fit_line(
    temperatures_K: Sequence[float], values: Sequence[Estimate | Refusal], *, times_temperature: bool = True
) -> ArrheniusLine | Refusal:
    r"""Fit an Arrhenius line, each temperature weighted by the relative error of its estimate.

    .. math:: \ln(\sigma T) = \ln A - E_a / k_B T

    Parameters
    ----------
    temperatures_K
        Temperatures [K], shape ``(n,)``.
    values
        Conductivity, or diffusion coefficient, at each; refusals are left out.
    times_temperature
        ``True`` for conductivities (σT is thermally activated), ``False`` for diffusion coefficients.

    Raises
    ------
    InputError
        If lengths differ or a temperature is not positive.
    """
    if len(temperatures_K) != len(values):
        raise InputError(
            f"{len(temperatures_K)} temperatures come with {len(values)} values; expected one a temperature; pair them"
        )
    for given in temperatures_K:
        if not (math.isfinite(given) and given > 0):
            raise InputError(f"temperature_K is {given}; expected a positive number")
    known = [(t, v) for t, v in zip(temperatures_K, values, strict=True) if isinstance(v, Estimate) and v.value > 0]
    distinct = len({t for t, _ in known})
    if distinct < MIN_TEMPERATURES:
        return Refusal(
            f"{distinct} of {len(values)} temperatures have a number; expected at least {MIN_TEMPERATURES}; "
            "add temperatures, or run longer where it was refused"
        )
    temperature = np.array([t for t, _ in known])
    value = np.array([v.value for _, v in known])
    relative = np.array([v.std / v.value for _, v in known])
    if not (relative > 0).all():
        raise InputError("an estimate has no standard error; expected a positive one; give each value its error")
    logarithm = np.log(value * temperature if times_temperature else value)
    design = np.stack([np.ones_like(temperature), 1 / (BOLTZMANN_EV_K * temperature)], axis=1)
    covariance = np.linalg.inv(design.T @ (design / relative[:, None] ** 2))
    intercept, slope = covariance @ design.T @ (logarithm / relative**2)
    scatter = float((((logarithm - design @ [intercept, slope]) / relative) ** 2).sum() / max(1, len(known) - 2))
    dof = float(sum(max(1.0, v.n_effective - 1) for _, v in known))
    return ArrheniusLine(
        intercept=float(intercept),
        activation_energy_eV=-float(slope),
        covariance=covariance * max(1.0, scatter),
        dof=dof,
        scatter=scatter,
        temperatures_K=tuple(temperature.tolist()),
        times_temperature=times_temperature,
        unit=known[0][1].unit,
        n_effective=sum(v.n_effective for _, v in known),
    )


def fit_arrhenius(
    temperatures_K: Sequence[float],
    conductivities: Sequence[Estimate | Refusal],
    *,
    target_K: float = 300.0,
) -> dict[str, Estimate | Refusal]:
    """Estimate activation energy, prefactor and the conductivity extrapolated to a temperature.

    Parameters
    ----------
    temperatures_K
        Temperatures [K], shape ``(n,)``.
    conductivities
        Conductivity at each, refusals among them left out.
    target_K
        Temperature to extrapolate to [K].

    Returns
    -------
    dict
        ``activation_energy`` [eV], ``prefactor`` [unit of σ × K], ``conductivity_300K`` (named after ``target_K``);
        each a ``Refusal`` when fewer than three temperatures carry a number.

    Raises
    ------
    InputError
        If temperatures and values cannot be paired.
    """
    key = f"conductivity_{target_K:g}K"
    line = fit_line(temperatures_K, conductivities)
    if isinstance(line, Refusal):
        return {"activation_energy": line, "prefactor": line, key: line}
    span = f"{min(line.temperatures_K):g}–{max(line.temperatures_K):g} K"
    method = (
        f"line of ln(σT) against 1/kT through {len(line.temperatures_K)} temperatures, {span}, weighted by their "
        f"errors, reduced χ² {line.scatter:.2g}" + (", errors inflated by its root" if line.scatter > 1 else "")
    )
    quantile = float(stats.t.ppf(0.975, line.dof))
    prefactor, relative = math.exp(line.intercept), math.sqrt(line.covariance[0, 0])
    energy, error = line.activation_energy_eV, math.sqrt(line.covariance[1, 1])
    value, value_relative, low, high = (float(part) for part in line.band(target_K))
    inside = min(line.temperatures_K) <= target_K <= max(line.temperatures_K)
    beyond = "interpolated" if inside else "extrapolated, if no transition lies between"
    return {
        "activation_energy": Estimate(
            energy, error, (energy - quantile * error, energy + quantile * error), "eV", line.n_effective, method
        ),
        "prefactor": Estimate(
            prefactor,
            prefactor * relative,
            (prefactor * math.exp(-quantile * relative), prefactor * math.exp(quantile * relative)),
            f"{line.unit} K",
            line.n_effective,
            method,
        ),
        key: Estimate(value, value * value_relative, (low, high), line.unit, line.n_effective, f"{method}; {beyond}"),
    }
