"""Whether production at one temperature has run long enough, and for how long it goes on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import Count, Positive, Settings
from aiida_elyte.science.statistics.estimate import Estimate, Refusal

__all__ = ["Decision", "LengthSettings", "decide_length", "read_length"]

_LEAST_FACTOR = 1.25
"""A run goes on for a quarter of its length at least: less would start a job for little."""

_LARGEST_FACTOR = 2.0
"""A run is doubled at most before it is looked at again: the error of an error is large."""


@dataclass(frozen=True)
class LengthSettings(Settings):
    """How long production runs."""

    target_relative_error: Positive | None = None
    """Runs go on until the standard error of the conductivity is below this part of it [1]; ``None``: they do not."""
    max_steps: Count | None = None
    """Steps of production of each replica up to which runs go on; ``None`` takes no more than they began with."""

    def check(self, n_steps: int) -> None:
        """Reject a budget below the steps that runs begin with, where they may go on.

        Raises
        ------
        InputError
            If it is.
        """
        if self.target_relative_error is not None and self.max_steps is not None and self.max_steps < n_steps:
            raise InputError(
                f"max_steps is {self.max_steps}; expected at least n_steps, {n_steps}; raise it, or lower n_steps"
            )


@dataclass(frozen=True)
class Decision:
    """What is done after an analysis."""

    n_steps: int | None
    """Steps to which the runs go on; ``None``: they have ended."""
    is_converged: bool
    """Whether the error is below the target, or there is none."""
    reason: str
    """Why, in a sentence."""

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as plain values."""
        return {"next_n_steps": self.n_steps, "is_converged": self.is_converged, "reason": self.reason}


def decide_length(n_steps: int, conductivity: Estimate | Refusal, settings: LengthSettings) -> Decision:
    """Decide whether runs go on.

    The statistical error falls as the root of the length; that of the models does not, so that runs for which it alone
    exceeds the target end.

    Parameters
    ----------
    n_steps
        Steps of production that each replica has run.
    conductivity
        What they give, or why they give no number.
    settings
        Target and budget.
    """
    target, budget = settings.target_relative_error, settings.max_steps or n_steps
    if target is None:
        return Decision(None, True, "no target of the relative error was set")
    factor = _LARGEST_FACTOR
    if isinstance(conductivity, Refusal):
        state = f"there is no conductivity after {n_steps} steps ({conductivity.reason})"
    else:
        errors = conductivity.errors
        statistical = (errors.statistical if errors else conductivity.std) / conductivity.value
        model = ((errors.model if errors else None) or 0.0) / conductivity.value
        found = math.hypot(statistical, model)
        state = f"the relative error of the conductivity is {found:.2g} after {n_steps} steps"
        if found <= target:
            return Decision(None, True, f"{state}, within the target of {target:g}")
        if model >= target:
            said = f"{state}, {model:.2g} of it due to the potentials, which longer runs do not lower"
            return Decision(None, False, f"{said}; the target is {target:g}; label more frames, or take more members")
        factor = max(_LEAST_FACTOR, min(_LARGEST_FACTOR, statistical**2 / (target**2 - model**2)))
    if n_steps >= budget:
        said = f"{state}; the target is {target:g} and the budget of {budget} steps is spent"
        return Decision(None, False, f"{said}; raise max_steps, n_replicas or target_relative_error")
    longer = min(budget, math.ceil(factor * n_steps))
    return Decision(longer, False, f"{state}; the target is {target:g}, so that the runs go on to {longer} steps")


def read_length(conditions: Mapping[str, Any]) -> LengthSettings:
    """Return how long production runs, from the conditions of a run."""
    given = {name: conditions[name] for name in ("target_relative_error", "max_steps") if name in conditions}
    return LengthSettings(**given)
