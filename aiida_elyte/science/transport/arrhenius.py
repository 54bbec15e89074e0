"""Activation energy and extrapolation to room temperature, with a propagated interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import ErrorTerms, Estimate, Refusal
from aiida_elyte.science.statistics.members import mean_of_members, student_half
from aiida_elyte.units import BOLTZMANN_EV_K

__all__ = ["MIN_TEMPERATURES", "ArrheniusLine", "fit_arrhenius", "fit_line"]

MIN_TEMPERATURES = 3
"""Temperatures that a line needs at least."""

_LARGEST_LOGARITHM = 50.0
"""Intervals end at this many powers of e: two members that differ have one degree of freedom."""


@dataclass(frozen=True)
class _MemberLine:
    """The line of one member of an ensemble, fitted with the weights of the line of all."""

    coefficients: np.ndarray
    """Intercept and slope, shape ``(2,)``."""
    covariance: np.ndarray
    """Their covariance due to the member's own statistics, shape ``(2, 2)``."""


@dataclass(frozen=True)
class ArrheniusLine:
    """A weighted straight line of ln y against 1/kT, where y is σT or D."""

    intercept: float
    """ln of the prefactor; y in mS K/cm or cm²/s."""
    activation_energy_eV: float
    """Activation energy [eV], minus the slope."""
    covariance: np.ndarray
    """Covariance of intercept and slope due to the errors that temperatures do not share, inflated when the points
    scatter more than these, shape ``(2, 2)``."""
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
    members: tuple[_MemberLine, ...] = ()
    """Lines of the members that all temperatures share, where there are two or more: one model errs at all
    temperatures at once."""
    calibration_factor: float | None = None
    """Error of the committee's mean force over the spread of its members [1], if that is known."""

    def error(self, direction: np.ndarray) -> tuple[float, float | None, float]:
        """Return the errors of a combination of intercept and slope.

        Parameters
        ----------
        direction
            Weights of intercept and slope, shape ``(2,)``.

        Returns
        -------
        statistical : float
            Standard error due to statistics.
        model : float or None
            Standard error due to the models; ``None`` where it is not known.
        dof : float
            Degrees of freedom of the quadratic sum.
        """
        statistical = math.sqrt(float(direction @ self.covariance @ direction))
        if not self.members:
            return statistical, None, self.dof
        mean = mean_of_members(
            [float(direction @ one.coefficients) for one in self.members],
            [float(direction @ one.covariance @ direction) for one in self.members],
            self.dof,
            self.calibration_factor,
        )
        return statistical, mean.model, mean.dof

    def band(self, temperature_K: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the quantity at given temperatures [K]: value, relative standard error, lower and upper 95 % limit."""
        temperature = np.asarray(temperature_K, float)
        design = np.stack([np.ones_like(temperature), 1 / (BOLTZMANN_EV_K * temperature)], axis=-1)
        logarithm = design @ np.array([self.intercept, -self.activation_energy_eV])
        if self.times_temperature:
            logarithm = logarithm - np.log(temperature)
        found = [self.error(row) for row in design.reshape(-1, 2)]
        error = np.array([math.hypot(statistical, model or 0.0) for statistical, model, _ in found])
        half = stats.t.ppf(0.975, [dof for *_, dof in found]) * error
        error, half = error.reshape(temperature.shape), half.reshape(temperature.shape)
        return np.exp(logarithm), error, np.exp(logarithm - half), np.exp(logarithm + half)


def fit_line(
    temperatures_K: Sequence[float], values: Sequence[Estimate | Refusal], *, times_temperature: bool = True
) -> ArrheniusLine | Refusal:
    r"""Fit an Arrhenius line, each temperature weighted by the relative error of its estimate.

    .. math:: \ln(\sigma T) = \ln A - E_a / k_B T

    Where the estimates hold the values of the members of an ensemble, temperatures are weighted by their statistical
    errors and a line is fitted to each member as well: its model errs at all temperatures alike, so that the error of
    the model is the scatter of the members' lines and not of their points.

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
    members = _common_members([v for _, v in known])
    relative = np.array([_own_error(v, is_shared=bool(members)) / v.value for _, v in known])
    if not (relative > 0).all():
        raise InputError("an estimate has no standard error; expected a positive one; give each value its error")
    times = temperature if times_temperature else np.ones_like(temperature)
    logarithm = np.log(value * times)
    design = np.stack([np.ones_like(temperature), 1 / (BOLTZMANN_EV_K * temperature)], axis=1)
    covariance = np.linalg.inv(design.T @ (design / relative[:, None] ** 2))
    solve = covariance @ design.T / relative**2
    intercept, slope = solve @ logarithm
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
        members=tuple(
            _MemberLine(solve @ np.log(values * times), (solve * (errors / values) ** 2) @ solve.T)
            for values, errors in members
        ),
        calibration_factor=known[0][1].errors.calibration_factor if known[0][1].errors else None,
    )


def _common_members(points: Sequence[Estimate]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return value and error at each point of the members that all points share, if there are two or more of them."""
    tables = [{} if one.errors is None else one.errors.members for one in points]
    names = sorted(set.intersection(*(set(table) for table in tables)))
    found = [np.array([table[name] for table in tables]) for name in names]
    usable = [(pairs[:, 0], pairs[:, 1]) for pairs in found if (pairs > 0).all()]
    return usable if len(usable) > 1 else []


def _own_error(point: Estimate, *, is_shared: bool) -> float:
    """Return the error that is a point's own: that of the models is not where the members are known at all points."""
    return point.errors.statistical if is_shared and point.errors is not None else point.std


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
    if line.members:
        method += f"; model error from the lines of {len(line.members)} ensemble members"
    inside = min(line.temperatures_K) <= target_K <= max(line.temperatures_K)
    beyond = "interpolated" if inside else "extrapolated, if no transition lies between"
    at_target = np.array([1.0, 1 / (BOLTZMANN_EV_K * target_K)])
    value = math.exp(line.intercept - line.activation_energy_eV * at_target[1]) / target_K
    return {
        "activation_energy": _estimate(line, np.array([0.0, -1.0]), line.activation_energy_eV, "eV", method),
        "prefactor": _exponential(line, np.array([1.0, 0.0]), math.exp(line.intercept), f"{line.unit} K", method),
        key: _exponential(line, at_target, value, line.unit, f"{method}; {beyond}"),
    }


def _estimate(line: ArrheniusLine, direction: np.ndarray, value: float, unit: str, method: str) -> Estimate:
    """Return a combination of intercept and slope with its errors."""
    statistical, model, dof = line.error(direction)
    std = math.hypot(statistical, model or 0.0)
    half = student_half(std, dof)
    errors = ErrorTerms(statistical, model, calibration_factor=line.calibration_factor)
    n_effective = dof + 1.0 if model else line.n_effective
    return Estimate(value, std, (value - half, value + half), unit, n_effective, method, errors=errors)


def _exponential(line: ArrheniusLine, direction: np.ndarray, value: float, unit: str, method: str) -> Estimate:
    """Return a quantity whose logarithm is such a combination, its interval symmetric in it."""
    logarithm = _estimate(line, direction, 0.0, unit, method)
    terms = logarithm.errors or ErrorTerms(logarithm.std)
    errors = replace(
        terms, statistical=value * terms.statistical, model=None if terms.model is None else value * terms.model
    )
    factor = math.exp(min(logarithm.ci95[1], _LARGEST_LOGARITHM))
    return replace(
        logarithm, value=value, std=value * logarithm.std, ci95=(value / factor, value * factor), errors=errors
    )
