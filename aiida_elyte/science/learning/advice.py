"""What to change where learning ended without having converged, derived from its rounds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aiida_elyte.science.learning.criteria import Criterion, compared_quantities, doubtful_share
from aiida_elyte.science.learning.settings import LearningSettings
from aiida_elyte.science.verdict import Verdict

__all__ = ["advise"]

_STALLED = 0.8
"""A share of doubtful frames that three rounds of labels leave above this part of what it was does not fall [1]: with
some 100 frames a round a binomial share scatters by a fifth of itself."""
_MOST_ROUNDS = 50
"""Rounds beyond which an extrapolation of the share of doubtful frames means nothing [1]."""


def advise(
    history: Sequence[Mapping[str, Any]],
    settings: LearningSettings,
    criteria: Sequence[Criterion],
    verdict: Verdict | None,
    criterion: str,
) -> tuple[str, ...]:
    """Return what to change, a sentence each, the most certain first.

    Parameters
    ----------
    history, settings, criteria, verdict
        As in ``decide``; the criteria are judged.
    criterion
        What ended learning.
    """
    if not history:
        if verdict is None or verdict.is_qualified:
            return ()
        return ("allow rounds of learning: set max_rounds and label_budget above 0; the frames that failed are kept",)
    if all(one.holds for one in criteria) and (verdict is None or verdict.is_qualified):
        return ()
    failed = {one.name for one in criteria if not one.holds}
    is_rejected = verdict is not None and not verdict.is_qualified
    more = _more(criterion, settings)
    found = [
        _on_stops(history[-1]),
        _on_labels(history),
        _on_rejected(history[-1]),
        _on_share(history, settings, more) if "doubtful frames" in failed else None,
        _on_quantity(history) if "quantity" in failed else None,
        "the frames that failed the qualification are kept: label them in more rounds" if is_rejected else None,
    ]
    advice = [one for one in found if one is not None]
    return tuple(dict.fromkeys(advice if advice and verdict is None else [*advice, more]))


def _on_stops(last: Mapping[str, Any]) -> str | None:
    stops = last.get("stops") or {}
    if not stops:
        return None
    kinds = {str(one.get("kind", one)) if isinstance(one, Mapping) else str(one) for one in stops.values()}
    return (
        f"{len(stops)} runs of the last round stopped early ({'; '.join(sorted(kinds))}): add seeds with short "
        "distances, use a potential that repels, or sample at a lower temperature"
    )


def _on_labels(history: Sequence[Mapping[str, Any]]) -> str | None:
    """Advise where the labeller rejected a third or more of what it was given."""
    asked = sum(int(past["n_selected"]) for past in history)
    got = sum(int(past["n_labelled"]) for past in history)
    if asked == 0 or got > 2 * asked / 3:
        return None
    return (
        f"{asked - got} of {asked} frames could not be labelled: look at the reasons in the history; frames far from "
        "the crystal often do not converge: sample at a lower temperature or filter more"
    )


def _on_rejected(last: Mapping[str, Any]) -> str | None:
    """Advise where filters rejected at least half of what was sampled."""
    rejected = int(last.get("n_refused", 0))
    if not last["n_sampled"] or 2 * rejected < last["n_sampled"]:
        return None
    return (
        f"{rejected} of {last['n_sampled']} sampled frames were rejected by filters: sample at a lower temperature or "
        "in shorter runs, or loosen a filter if its reasons in the history are wrong"
    )


def _on_share(history: Sequence[Mapping[str, Any]], settings: LearningSettings, more: str) -> str:
    """Advise by how the share of doubtful frames has fallen: on rounds, or on what rounds cannot give."""
    shares, wanted = [doubtful_share(past) for past in history], settings.uncertain_share
    if len(shares) >= 3 and shares[-1] > _STALLED * shares[-3]:
        return (
            f"the share of doubtful frames no longer falls ({_percent(shares[-3:])}): labels alone will not lower it; "
            "use a larger network or cutoff, more members, a higher tolerance of the selector, or a lower temperature "
            "of sampling"
        )
    if len(shares) >= 2 and 0 < shares[-1] < shares[0] and wanted:
        ratio = (shares[-1] / shares[0]) ** (1 / (len(shares) - 1))
        rounds = math.ceil(math.log(wanted / shares[-1]) / math.log(ratio))
        if 0 < rounds <= _MOST_ROUNDS:
            return (
                f"the share of doubtful frames falls ({_percent(shares)}): about {rounds} more "
                f"round{'s' * (rounds > 1)} would reach {100 * wanted:g} %: {more}"
            )
    return more


def _on_quantity(history: Sequence[Mapping[str, Any]]) -> str | None:
    """Advise on longer sampling where the quantity of interest has no number or a wide error, else on rounds."""
    if len(history) < 2:
        return None
    pairs = compared_quantities(history)
    if not pairs:
        return "the sampling is too short for the quantity of interest: raise sampling.n_steps or n_replicas"
    names = ", ".join(name.replace("_", " ") for name in pairs)
    return f"{names} still changes, or is known too roughly: allow more rounds, or raise sampling.n_steps"


def _more(criterion: str, settings: LearningSettings) -> str:
    """Return how to allow more learning, by what was spent."""
    return {
        "rounds": f"raise max_rounds above {settings.max_rounds}",
        "labels": f"raise label_budget above {settings.label_budget}",
        "no new label": "sample longer, at another seed or temperature, or with another sampler: the frames of the "
        "last round are known, rejected, or could not be labelled",
    }.get(criterion, "use more members, another selector, or a model that can fit more")


def _percent(shares: Sequence[float]) -> str:
    return " → ".join(f"{100 * share:.0f} %" for share in shares)
