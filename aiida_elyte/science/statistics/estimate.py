"""What an analysis returns: a number with its error, or no number and why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scipy import stats

__all__ = [
    "ErrorTerms",
    "Estimate",
    "Refusal",
    "chi_square_interval",
    "mean_of_systems",
    "result_from_dict",
    "upper_limit",
]


@dataclass(frozen=True)
class ErrorTerms:
    """What the error of a number is made of; its standard error is the quadratic sum of the terms that are known."""

    statistical: float
    """Standard error due to the length of the runs."""
    model: float | None = None
    """Standard error due to the potential, from the scatter of its members; ``None`` where there is one member."""
    configurational: float | None = None
    """Standard error due to the choice of ordering or box; ``None`` where there is one."""
    calibration_factor: float | None = None
    """Error of the committee's mean force over the spread of its members, by which their scatter was multiplied [1];
    ``None``: they were taken to err independently, so that ``model`` is a lower bound."""
    members: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Value and statistical standard error of each member, by its name, where there are several."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-serialisable values."""
        return {**asdict(self), "members": {name: list(pair) for name, pair in self.members.items()}}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "ErrorTerms":
        """Return what ``as_dict`` was taken from."""
        members = {name: (pair[0], pair[1]) for name, pair in fields.get("members", {}).items()}
        return cls(**{**fields, "members": members})


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
    """Range of lags in which the motion is diffusive, or that were used [fs], where there is one."""
    errors: ErrorTerms | None = None
    """What ``std`` is made of, where its terms are told apart."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-serialisable values."""
        return {
            **asdict(self),
            "ci95": list(self.ci95),
            "window": list(self.window) if self.window else None,
            "errors": self.errors and self.errors.as_dict(),
        }


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
    window, errors = fields["window"], fields.get("errors")
    return Estimate(
        **{
            **fields,
            "ci95": tuple(fields["ci95"]),
            "window": tuple(window) if window else None,
            "errors": None if errors is None else ErrorTerms.from_dict(errors),
        }
    )


def mean_of_systems(found: Sequence[Estimate | Refusal]) -> Estimate | Refusal:
    """Return the mean of one quantity over systems made independently, those that refuse it left out.

    Its error is that of the scatter between systems, or what their own errors make of it where that is larger: a box of
    chains remembers how it was built, which no error from within tells.

    Parameters
    ----------
    found
        What each system says, in one unit.

    Returns
    -------
    Estimate or Refusal
        The estimate itself where only one has a number; the first refusal where none has.
    """
    known = [one for one in found if isinstance(one, Estimate)]
    if len(known) < 2:
        return known[0] if known else found[0]
    n = len(known)
    values = [one.value for one in known]
    mean = math.fsum(values) / n
    within = math.sqrt(math.fsum(one.std**2 for one in known)) / n
    between = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
    n_effective = float(n) if between >= within else math.fsum(one.n_effective for one in known)
    std = max(between, within)
    half = float(stats.t.ppf(0.975, max(1.0, n_effective - 1))) * std
    source = (
        "the scatter between them" if between >= within else "their own errors, which exceed the scatter between them"
    )
    left_out = f"; {len(found) - n} gave no number" if n < len(found) else ""
    method = f"mean over {n} independent systems, error from {source}{left_out}; each: {known[0].method}"
    return Estimate(mean, std, (mean - half, mean + half), known[0].unit, n_effective, method)


def chi_square_interval(value: float, dof: float) -> tuple[float, float]:
    """Return the 95 % interval of a variance estimated as ``value`` with ``dof`` degrees of freedom.

    Infinite where there is less than one degree of freedom in ten.
    """
    lower, upper = (float(stats.chi2.ppf(quantile, dof)) for quantile in (0.975, 0.025))
    return dof * value / lower, dof * value / upper if upper > 0 else math.inf


def upper_limit(
    limit: float, std: float, unit: str, n_effective: float, method: str, window: tuple[float, float]
) -> Estimate:
    """Return a one-sided 95 % upper limit as an estimate: its value is the limit."""
    return Estimate(limit, std, (0.0, limit), unit, float(n_effective), f"one-sided 95 % upper limit: {method}", window)
