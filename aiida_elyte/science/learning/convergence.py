"""When to stop learning."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["label_budget_left", "should_continue"]


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


def should_continue(history: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> tuple[bool, str]:
    """Decide whether another round of active learning is worth it.

    Frames refused as unphysical count as uncertain, and a round in which a run stopped early is never taken for
    converged: a potential that explodes is not known well, however small its spread elsewhere.

    Parameters
    ----------
    history
        Finished rounds, oldest first: ``n_sampled``, ``n_refused``, ``n_uncertain``, ``n_selected``, ``n_labelled``,
        and ``stops``, the runs that ended early.
    settings
        ``max_rounds``; ``label_budget``: labels all rounds together may cost; ``uncertain_share``: learning ends when
        the share of uncertain frames is not above it [1].

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
    else:
        state = "no round has run"
    if len(history) >= rounds:
        return False, f"{state}, and all {rounds} rounds are spent"
    if budget == 0:
        return False, f"{state}, and the budget of {settings['label_budget']} labels is spent"
    if history and not history[-1]["n_labelled"]:
        return False, f"{state}, but the last round brought no new label, and another would repeat it"
    return True, f"{state}; {rounds - len(history)} rounds and {budget} labels are left"
