"""Criteria by which an ensemble has learned enough, each judged from the rounds so far."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.settings import LearningSettings, QuantitySettings
from aiida_elyte.science.settings import read_record
from aiida_elyte.science.statistics.estimate import Estimate, Refusal, result_from_dict
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.estimates import estimate_transport

__all__ = [
    "FIRST_QUANTITY",
    "Criterion",
    "compared_quantities",
    "criteria_of",
    "doubtful_share",
    "measure_quantities",
]

FIRST_QUANTITY = "conductivity"
"""What a street is for; where it is known nothing else is compared."""


@dataclass(frozen=True)
class Criterion:
    """One criterion, judged."""

    name: str
    """``doubtful frames`` or ``quantity``."""
    holds: bool
    """Whether it holds."""
    sentence: str
    """What it was judged by."""


def criteria_of(history: Sequence[Mapping[str, Any]], settings: LearningSettings) -> tuple[Criterion, ...]:
    """Judge the criteria that the settings ask for; none can be judged before the first round.

    Parameters
    ----------
    history
        Finished rounds, oldest first: ``n_sampled``, ``n_refused``, ``n_uncertain`` of the frames of dynamics;
        ``stops``, the runs that ended early; and, where they are known, ``quantities``: name → estimate or refusal as
        plain values, in the order of preference.
    settings
        ``uncertain_share`` and ``quantity``; a criterion that is ``None`` is off.
    """
    if not history:
        return ()
    found = []
    if settings.uncertain_share is not None:
        found.append(_judge_share(history[-1], settings.uncertain_share))
    if settings.quantity is not None:
        found.append(_judge_quantity(history, read_record(QuantitySettings, settings.quantity, "quantity")))
    return tuple(found)


def doubtful_share(last: Mapping[str, Any]) -> float:
    """Return the share of frames of dynamics that are uncertain or were rejected [1]; all where there are none."""
    doubtful = int(last["n_uncertain"]) + int(last.get("n_refused", 0))
    return doubtful / last["n_sampled"] if last["n_sampled"] else 1.0


def _judge_share(last: Mapping[str, Any], allowed: float) -> Criterion:
    """Judge how many frames are doubtful.

    Frames rejected as unphysical count, and a round in which a run stopped early never passes: a potential that
    explodes is not known well, however small its spread elsewhere.
    """
    doubtful, share = int(last["n_uncertain"]) + int(last.get("n_refused", 0)), doubtful_share(last)
    state = f"{doubtful} of {last['n_sampled']} sampled frames ({100 * share:.0f} %) were uncertain or rejected"
    stops = len(last.get("stops", ()))
    if stops:
        return Criterion("doubtful frames", False, f"{state}, and {stops} runs stopped early")
    holds = share <= allowed
    compared = "not more" if holds else "more"
    return Criterion("doubtful frames", holds, f"{state}, {compared} than {100 * allowed:g} %")


def _judge_quantity(history: Sequence[Mapping[str, Any]], limits: QuantitySettings) -> Criterion:
    """Judge whether the quantity of interest has not changed over the last two rounds.

    Two estimates agree if they differ by at most ``n_errors`` times the quadratic sum of their standard errors, and
    each error is small enough that this says something.
    """
    if len(history) < 2:
        return Criterion("quantity", False, "the quantity of interest cannot be compared after one round")
    pairs = compared_quantities(history)
    if not pairs:
        refused = next((one["refused"] for one in history[-1].get("quantities", {}).values() if "refused" in one), None)
        why = f" ({refused})" if refused else ""
        return Criterion("quantity", False, f"the quantity of interest is not known of the last two rounds{why}")
    judged = [_compare(name, before, after, limits) for name, (before, after) in pairs.items()]
    return Criterion("quantity", all(one.holds for one in judged), "; ".join(one.sentence for one in judged))


def compared_quantities(history: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Estimate, Estimate]]:
    """Return the estimates of the last two rounds that are compared, the older one first.

    The conductivity where both rounds have one, else the diffusion coefficients that both have.
    """
    if len(history) < 2:
        return {}
    before, after = _estimates(history[-2]), _estimates(history[-1])
    both = {name: (before[name], after[name]) for name in after if name in before}
    return {FIRST_QUANTITY: both[FIRST_QUANTITY]} if FIRST_QUANTITY in both else both


def measure_quantities(series: Sequence[Series], charges: Mapping[str, float], temperature_K: float) -> dict[str, Any]:
    """Return conductivity and tracer diffusion coefficients of dynamics, or why there are none, as plain values.

    Parameters
    ----------
    series
        Replicas at one temperature.
    charges
        Charge of each mobile species [e].
    temperature_K
        Temperature [K].
    """
    try:
        found = estimate_transport(series, charges, temperature_K)
    except InputError as error:
        return {FIRST_QUANTITY: Refusal(str(error)).as_dict()}
    return {name: one.as_dict() for name, one in found.items() if name == FIRST_QUANTITY or name.startswith(_TRACER)}


_TRACER = "tracer_diffusion_"


def _estimates(past: Mapping[str, Any]) -> dict[str, Estimate]:
    """Return the quantities of a round that are numbers."""
    found = {name: result_from_dict(one) for name, one in past.get("quantities", {}).items()}
    return {name: one for name, one in found.items() if isinstance(one, Estimate)}


def _compare(name: str, before: Estimate, after: Estimate, limits: QuantitySettings) -> Criterion:
    error = math.hypot(before.std, after.std)
    change = abs(after.value - before.value)
    relative = max(abs(one.std / one.value) if one.value else math.inf for one in (before, after))
    said = f"{name.replace('_', ' ')} {before.value:.3g} → {after.value:.3g} ± {after.std:.1g} {after.unit}"
    if relative > limits.max_relative_error:
        small = f"an error of {100 * relative:.0f} %, above {100 * limits.max_relative_error:g} %, decides nothing"
        return Criterion(name, False, f"{said}: {small}")
    holds = change <= limits.n_errors * error
    return Criterion(name, holds, f"{said}: {'within' if holds else 'beyond'} {limits.n_errors:g} standard errors")
