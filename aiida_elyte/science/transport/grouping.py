"""Mean of samples that come in groups: of replicas, or of the members of an ensemble of potentials."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from aiida_elyte.science.statistics.estimate import ErrorTerms, Estimate
from aiida_elyte.science.statistics.members import mean_of_members, student_half
from aiida_elyte.science.trajectory.reduction import Series

__all__ = ["DIFFER", "GroupedMean", "Groups", "mean_of_groups"]

DIFFER = "differ:"
"""Stands in the method of an estimate whose groups of replicas do not agree."""

_RESOLVED = 2.0
"""A mean below this many standard errors is not told from zero."""

_POOLING_P = {"members": 0.25, "replicas": 0.05}
"""Groups whose means differ with a p-value below this are not pooled: preliminary test, DOI 10.1214/aoms/1177731284.

Members are different models, so little evidence suffices; replicas are the same system, so it takes more."""


@dataclass(frozen=True)
class GroupedMean:
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


def mean_of_groups(samples: np.ndarray, groups: np.ndarray, pooling_p: float) -> GroupedMean:
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
        return GroupedMean(pooled, pooled_error, n - 1, n, math.nan, 0.0)
    means = np.array([member.mean() for member in members])
    sizes = np.array([len(member) for member in members])
    square_within = sum(float(((member - member.mean()) ** 2).sum()) for member in members) / (n - k)
    statistical = math.sqrt(square_within * float((1 / sizes).sum())) / k
    if k > 1:
        square_between = float((sizes * (means - pooled) ** 2).sum()) / (k - 1)
        if stats.f.sf(square_between / max(square_within, 1e-300), k - 1, n - k) < pooling_p:
            error = float(means.std(ddof=1)) / math.sqrt(k)
            between = math.sqrt(max(0.0, error**2 - statistical**2))
            return GroupedMean(float(means.mean()), error, k - 1, k, statistical, between)
    return GroupedMean(pooled, pooled_error, n - 1, n, statistical, 0.0)


@dataclass(frozen=True)
class Groups:
    """To which group each replica belongs: to its ensemble member where there are several, else to itself."""

    labels: tuple[str, ...]
    """Group of each replica."""
    are_members: bool
    """Whether the groups are ensemble members."""
    calibration_factor: float | None = None
    """Error of the committee's mean force over the spread of its members [1], if that is known."""

    @classmethod
    def of(cls, replicas: Sequence[Series], calibration_factor: float | None = None) -> "Groups":
        """Return the groups of some replicas."""
        are_members = len({one.member for one in replicas}) > 1
        labels = (one.member if are_members else str(index) for index, one in enumerate(replicas))
        return cls(tuple(labels), are_members, calibration_factor)

    def mean(self, samples: Sequence[np.ndarray]) -> GroupedMean:
        """Return the mean over the samples of each replica, arrays of any shape."""
        labels = np.repeat(self.labels, [one.size for one in samples])
        flat = np.concatenate([one.ravel() for one in samples])
        return mean_of_groups(flat, labels, _POOLING_P["members" if self.are_members else "replicas"])

    def replicas_differ(self, mean: GroupedMean) -> bool:
        """Tell whether the replicas of one model do not agree, so that their means are the samples."""
        return bool(mean.between) and not self.are_members

    def with_errors(
        self, pooled: Estimate, samples: Sequence[np.ndarray], *, is_positive: bool, scale: float = 1.0
    ) -> Estimate:
        """Return an estimate with its error terms.

        Parameters
        ----------
        pooled
            What the samples of all replicas give, its error that of their statistics alone.
        samples
            Samples behind it of each replica, arrays of any shape, whose mean is the quantity.
        is_positive
            Whether the quantity is: its interval is then symmetric in its logarithm.
        scale
            Unit of the samples.
        """
        if not self.are_members:
            return self.with_member_errors(pooled, {}, is_positive=is_positive)
        flat: dict[str, list[np.ndarray]] = {}
        for label, one in zip(self.labels, samples, strict=True):
            flat.setdefault(label, []).append(one.ravel())
        joined = {label: np.concatenate(parts) for label, parts in flat.items()}
        of_members = {label: (scale * float(one.mean()), float(one.size)) for label, one in joined.items()}
        return self.with_member_errors(pooled, of_members, is_positive=is_positive)

    def with_member_errors(
        self, pooled: Estimate, members: Mapping[str, tuple[float, float]], *, is_positive: bool
    ) -> Estimate:
        """Return an estimate with its error terms, as ``with_errors`` does.

        Parameters
        ----------
        pooled, is_positive
            As of ``with_errors``.
        members
            Value of each member, and how much there is of it, in any unit.
        """
        if not self.are_members:
            return replace(pooled, errors=ErrorTerms(pooled.std))
        values, sizes = (np.array(column) for column in zip(*members.values(), strict=True))
        shares = sizes / sizes.sum()
        variances = pooled.std**2 / shares
        mean = mean_of_members(values, variances, pooled.n_effective, self.calibration_factor)
        errors = ErrorTerms(
            statistical=mean.statistical,
            model=mean.model,
            calibration_factor=self.calibration_factor,
            members={
                name: (value, math.sqrt(variance))
                for name, value, variance in zip(members, values.tolist(), variances.tolist(), strict=True)
            },
        )
        method = f"{pooled.method}; {self._describe_members(mean.statistical, mean.model)}"
        if not mean.model:
            return replace(pooled, errors=errors, method=method)
        value, half = pooled.value + mean.value - float(shares @ values), student_half(mean.std, mean.dof)
        interval = (value - half, value + half)
        if is_positive:
            factor = math.exp(min(half / value, 50.0))
            interval = (value / factor, value * factor)
        return replace(
            pooled, value=value, std=mean.std, ci95=interval, n_effective=mean.dof + 1.0, method=method, errors=errors
        )

    def describe(self, mean: GroupedMean) -> str:
        """Say how the replicas became one mean."""
        if self.are_members:
            return f"{len(self.labels)} replicas"
        if len(set(self.labels)) == 1:
            return "one replica"
        if math.isnan(mean.within):
            return "error from the scatter of the replicas"
        if not mean.between:
            return "pooled over replicas, which do not differ"
        return f"replicas {DIFFER} statistical std {mean.within:.2g}, replica std {mean.between:.2g}"

    def _describe_members(self, statistical: float, model: float) -> str:
        """Say what the members tell of the error; members of one replica each do not tell models from replicas."""
        n_members = len(set(self.labels))
        if not model:
            return f"{n_members} ensemble members, which do not differ beyond their statistics"
        cause = "model or replica" if n_members == len(self.labels) else "model"
        factor = self.calibration_factor
        inflated = (
            "spread alone: a lower bound" if factor is None else f"{factor:.2g} times their scatter, as the forces err"
        )
        return f"ensemble members {DIFFER} statistical std {statistical:.2g}, {cause} std {model:.2g} ({inflated})"
