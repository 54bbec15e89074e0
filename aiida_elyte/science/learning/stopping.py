"""When to stop learning: a decision after each round, from the history alone, with its reasons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from aiida_elyte.science.learning.advice import advise
from aiida_elyte.science.learning.criteria import Criterion, criteria_of
from aiida_elyte.science.learning.filters import kind_of
from aiida_elyte.science.learning.settings import LearningSettings
from aiida_elyte.science.verdict import Verdict

__all__ = ["Decision", "decide", "label_budget_left"]

Step = Literal["round", "qualify", "end"]


@dataclass(frozen=True)
class Decision:
    """What comes next, and why."""

    step: Step
    """``round``: another round of learning; ``qualify``: the ensemble is tested; ``end``: learning ends."""
    criterion: str
    """What decided; of an end: ``converged``, ``qualified``, or what is spent: ``rounds``, ``labels``, ``least gain``,
    ``no new label``, ``no rounds asked for``."""
    reason: str
    """Why, in a sentence with the numbers."""
    advice: tuple[str, ...] = ()
    """What to change, a sentence each; only of an end without convergence."""

    @property
    def is_converged(self) -> bool:
        """Whether learning ended because all criteria hold."""
        return self.step == "end" and self.criterion in ("converged", "qualified")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return {**asdict(self), "advice": list(self.advice), "is_converged": self.is_converged}


def label_budget_left(history: Sequence[Mapping[str, Any]], label_budget: int) -> int:
    """Return the labels the rounds may still buy; frames whose label failed have cost one too.

    Parameters
    ----------
    history
        Finished rounds, each with ``n_selected``.
    label_budget
        Labels all rounds together may cost.
    """
    return max(0, label_budget - sum(int(past["n_selected"]) for past in history))


def decide(
    history: Sequence[Mapping[str, Any]],
    settings: LearningSettings,
    *,
    can_qualify: bool = False,
    verdict: Verdict | None = None,
    n_offending: int = 0,
) -> Decision:
    """Decide what follows a round of active learning.

    Learning ends when every criterion that the settings ask for holds after the last round and the ensemble has passed
    its qualification, which is run once the others hold; or when rounds or labels are spent, which is said, with what
    to change. An ensemble that learns no more is qualified before the end, too.

    Parameters
    ----------
    history
        Finished rounds, oldest first, as ``criteria_of`` takes them, each with ``n_selected`` and ``n_labelled``.
    settings
        Settings of the rounds; a criterion that is ``None`` in them is off.
    can_qualify
        Whether there is a qualification.
    verdict
        That of the qualification of the ensemble as it is; ``None`` if it has changed since, or was never qualified.
    n_offending
        Frames that failed it and that no round has looked at yet: with them a round is new, even if the last one
        brought no label.
    """
    criteria = criteria_of(history, settings)
    state = "; ".join(one.sentence for one in criteria) or ("no criterion is on" if history else "no round has run")
    gain = None if settings.least_gain is None else _gain(history)
    if gain is not None:
        state += (
            f"; the last labels {'raised' if gain < 0 else 'lowered'} the held-out error by {100 * abs(gain):.1f} %"
        )
    if verdict is not None:
        passed = "passed" if verdict.is_qualified else f"failed: {'; '.join(verdict.reasons)}"
        state += f"; the qualification {passed}"
    holds = bool(history) and all(one.holds for one in criteria) and bool(criteria or can_qualify)
    if holds and (not can_qualify or (verdict is not None and verdict.is_qualified)):
        return Decision("end", "qualified" if can_qualify else "converged", state)
    spent = _spent(history, settings, n_offending)
    if can_qualify and verdict is None and (holds or spent is not None):
        return Decision("qualify", "converged" if holds else spent[0] if spent else "", state)
    if spent is None:
        budget = label_budget_left(history, settings.label_budget)
        left = f"{settings.max_rounds - len(history)} rounds and {budget} labels are left"
        return Decision("round", _open(criteria, verdict), f"{state}; {left}")
    criterion, sentence = spent
    return Decision(
        "end", criterion, f"{state}, and {sentence}", advise(history, settings, criteria, verdict, criterion)
    )


def _spent(
    history: Sequence[Mapping[str, Any]], settings: LearningSettings, n_offending: int
) -> tuple[str, str] | None:
    """Return why there cannot be another round, in a word and in a sentence; ``None`` if there can."""
    rounds = settings.max_rounds
    if rounds == 0 or settings.label_budget == 0:
        return "no rounds asked for", "no round was asked for"
    if len(history) >= rounds:
        return "rounds", f"all {rounds} rounds are spent"
    if label_budget_left(history, settings.label_budget) == 0:
        return "labels", f"the budget of {settings.label_budget} labels is spent"
    if history and not history[-1]["n_labelled"] and not n_offending:
        return "no new label", f"the last round brought no new label{_rejected(history[-1])}: another would repeat it"
    gain = _gain(history)
    if settings.least_gain is None or gain is None or gain > settings.least_gain or history[-1].get("stops"):
        return None
    if gain < 0:
        return "least gain", f"least_gain is {settings.least_gain:g}"
    return "least gain", f"that is not more than {100 * settings.least_gain:g} %"


def _rejected(last: Mapping[str, Any]) -> str:
    """Return why filters rejected all frames of dynamics of a round, if they did: how many of each kind of reason."""
    if not 0 < last["n_sampled"] == last.get("n_refused", 0):
        return ""
    kinds = Counter(kind_of(reason) for reason in last.get("refused", {}).values())
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return f", as all {last['n_sampled']} sampled frames were rejected ({said})"


def _open(criteria: Sequence[Criterion], verdict: Verdict | None) -> str:
    """Return what asks for another round."""
    names = [one.name for one in criteria if not one.holds]
    return ", ".join(names + ["qualification"] * (verdict is not None)) or "first round"


def _gain(history: Sequence[Mapping[str, Any]]) -> float | None:
    """Return by which share the last round lowered the held-out error, ``None`` where one of the two is not known.

    It is negative where the error rose. Only a model of fixed form is judged by it: its error does not vanish however
    many labels it has.
    """
    if not history:
        return None
    *earlier, last = history
    before = earlier[-1].get("held_out_error") if earlier else last.get("held_out_error_before")
    after = last.get("held_out_error")
    return None if before is None or after is None else float(1 - after / before)
