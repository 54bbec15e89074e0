"""How much members of an ensemble scatter beyond what their own statistics explain: the error of a model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from aiida_elyte.errors import InputError

__all__ = ["MembersMean", "mean_of_members", "student_half"]


@dataclass(frozen=True)
class MembersMean:
    """Mean over the members of an ensemble, and its two errors."""

    value: float
    """Mean, each member weighted by the inverse of its variance, that of the models included."""
    statistical: float
    """Standard error due to the statistics of the members' own samples."""
    model: float
    """Standard error due to the models' differences; zero where statistics explain all scatter."""
    dof: float
    """Degrees of freedom of the sum of both."""

    @property
    def std(self) -> float:
        """Standard error, the quadratic sum."""
        return math.hypot(self.statistical, self.model)


def mean_of_members(
    values: Sequence[float] | np.ndarray,
    variances: Sequence[float] | np.ndarray,
    statistical_dof: float,
    calibration_factor: float | None = None,
) -> MembersMean:
    r"""Compute the mean over members by one-way random effects.

    .. math::
        \hat\tau^2 = \max(0, S - \bar v), \quad S = \frac{1}{M-1} \sum_m (y_m - \bar y)^2, \quad
        w_m \propto 1/(v_m + \hat\tau^2), \quad
        \mathrm{var} = \sum_m w_m^2 v_m + c^2 \hat\tau^2, \quad c^2 \ge \sum_m w_m^2 \approx 1/M

    with the value :math:`y_m` of member m of M, its statistical variance :math:`v_m`, and c the error of the
    committee's mean force over the spread of its members. Members that err independently have :math:`c^2 = \sum_m w_m^2`, which is
    taken where c is not known; members trained on the same data err together, and what they have in common does not
    show in their scatter. To first order in the forces the quantity errs by c times its own scatter.

    The degrees of freedom are those of Welch and Satterthwaite: S has M − 1, so that few members that differ give a
    wide interval of Student's.

    Parameters
    ----------
    values
        Value of each member, shape ``(M,)``, M ≥ 2.
    variances
        Its statistical variance, shape ``(M,)``.
    statistical_dof
        Degrees of freedom of the statistical variance of the mean.
    calibration_factor
        c [1]; ``None`` where it is not known: the error of the models is then a lower bound.

    Raises
    ------
    InputError
        If there are fewer than two members.

    References
    ----------
    DerSimonian, Laird, DOI 10.1016/0197-2456(86)90046-2; Satterthwaite, DOI 10.2307/3002019.
    """
    values, variances = np.asarray(values, float), np.asarray(variances, float)
    n_members = len(values)
    if n_members < 2:
        raise InputError(f"{n_members} member has no scatter; expected at least two")
    seen, explained = float(values.var(ddof=1)), float(variances.mean())
    between = max(0.0, seen - explained)
    weights = 1.0 / (variances + between)
    weights /= weights.sum()
    squares = float((weights**2).sum())
    statistical = float((weights**2 * variances).sum())
    mean = float(weights @ values)
    if not between:
        return MembersMean(mean, math.sqrt(statistical), 0.0, statistical_dof)
    # var = c² S + (Σ w² v − c² v̄): the first part is known as well as S, the second as well as the statistics
    inflated = max(squares, (calibration_factor or 0.0) ** 2)
    variance = statistical + inflated * between
    rest = statistical - inflated * explained
    dof = variance**2 / ((inflated * seen) ** 2 / (n_members - 1) + rest**2 / statistical_dof)
    # Where rest is negative the formula would fall below what the members alone tell.
    return MembersMean(mean, math.sqrt(statistical), math.sqrt(inflated * between), max(dof, n_members - 1.0))


def student_half(std: float, dof: float) -> float:
    """Return half the 95 % interval of Student's of an error with some degrees of freedom."""
    return float(stats.t.ppf(0.975, dof)) * std
