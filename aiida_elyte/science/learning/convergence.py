"""When to stop learning."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiida_elyte.science.learning.error_key import ErrorKey

__all__ = ["held_out_error", "label_budget_left", "should_continue"]


def label_budget_left(history: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> int:
    """Return the labels the rounds may still buy; frames whose label failed have cost one too.

    Parameters
    ----------
    history
        Finished rounds, each with ``n_selected``.
    settings
        ``label_budget``: labels all rounds together may cost.
    """
    return max(0, int(settings["label_budget"]) - sum(int(past["n_selected"]) for past in history))


def held_out_error(members: Iterable[Mapping[str, Any]], key: ErrorKey) -> float | None:
    """Return an error on frames that no fit has seen, the mean over members, in the unit of the trainer.

    Parameters
    ----------
    members
        ``errors`` of each: those of ``test`` frames, else of ``validation``.
    key
        Where the trainer reports it.
    """
    sides = (member["errors"].get("test") or member["errors"].get("validation") or {} for member in members)
    found = [error for error in map(key.of, sides) if error is not None]
    return sum(found) / len(found) if found else None


def should_continue(history: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> tuple[bool, str]:
    """Decide whether another round of active learning is worth it.

    Frames refused as unphysical count as uncertain, and a round in which a run stopped early is never taken for
    converged: a potential that explodes is not known well, however small its spread elsewhere.

    Parameters
    ----------
    history
        Finished rounds, oldest first: ``n_sampled``, ``n_refused``, ``n_uncertain``, ``n_selected``, ``n_labelled``,
        ``stops``, the runs that ended early, and where they are known ``held_out_error``, after the round's training,
        and ``held_out_error_before``, of the first round, before it.
    settings
        ``max_rounds``; ``label_budget``: labels all rounds together may cost; ``uncertain_share``: learning ends when
        the share of uncertain frames is not above it [1]; ``least_gain``, if given: it also ends when the last labels
        have lowered the ``held_out_error`` of the rounds by no more than this share [1], for the error of a model of
        fixed form does not vanish however many labels it has.

    Returns
    -------
    go_on : bool
        Whether to run another round.
    reason : str
        Why, in a sentence.
    """
    rounds, budget = int(settings["max_rounds"]), label_budget_left(history, settings)
    if history:
        last = history[-1]
        doubtful = int(last["n_uncertain"]) + int(last.get("n_refused", 0))
        share = doubtful / last["n_sampled"] if last["n_sampled"] else 1.0
        stops = len(last.get("stops", ()))
        state = f"{doubtful} of {last['n_sampled']} sampled frames ({100 * share:.0f} %) were uncertain or refused"
        if stops:
            state += f", {stops} runs stopped early"
        elif share <= settings["uncertain_share"]:
            return (
                False,
                f"{state}, not more than the {100 * settings['uncertain_share']:g} % allowed: the ensemble has learned",
            )
        elif settings.get("least_gain") is not None and (gain := _gain(history)) is not None:
            change = f"{'raised' if gain < 0 else 'lowered'} the held-out error by {100 * abs(gain):.1f} %"
            state += f", and the last labels {change}"
            if gain <= settings["least_gain"] and gain < 0:
                return False, f"{state}, where least_gain is {settings['least_gain']:g}: look at the last labels"
            if gain <= settings["least_gain"]:
                return False, f"{state}, not more than {100 * settings['least_gain']:g} %: more labels would not help"
    else:
        state = "no round has run"
    if len(history) >= rounds:
        return False, f"{state}, and all {rounds} rounds are spent"
    if budget == 0:
        return False, f"{state}, and the budget of {settings['label_budget']} labels is spent"
    if history and not history[-1]["n_labelled"]:
        return False, f"{state}, but the last round brought no new label, and another would repeat it"
    return True, f"{state}; {rounds - len(history)} rounds and {budget} labels are left"


def _gain(history: Sequence[Mapping[str, Any]]) -> float | None:
    """Return by which share the last round lowered the held-out error, ``None`` where one of the two is not known.

    It is negative where the error rose.
    """
    *earlier, last = history
    before = earlier[-1].get("held_out_error") if earlier else last.get("held_out_error_before")
    after = last.get("held_out_error")
    return None if before is None or after is None else float(1 - after / before)
