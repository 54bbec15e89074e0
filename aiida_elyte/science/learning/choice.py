"""From sampled frames to the frames that are labelled: filter, then select."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Integral
from textwrap import shorten
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.doors import naming
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.learning.calibration import Calibration
from aiida_elyte.science.learning.filters import NO_SPREAD, Filter, filter_frames
from aiida_elyte.science.learning.selection import Candidates, Selector

__all__ = ["Choice", "Decision", "choose_frames"]


@dataclass(frozen=True)
class Decision:
    """What was decided on one sampled frame, and why."""

    index: int
    """Its index among the sampled frames."""
    decision: str
    """``bought``, ``left`` or ``refused``."""
    reason: str
    """Why, in a few words; that of a refused frame begins with its kind, see ``filters.kind_of``."""
    spread_eV_A: float | None = None
    """Largest committee spread of its atoms [eV/Å]; ``None`` of a refused frame, as all that follows, and without
    committee."""
    error_eV_A: float | None = None
    """Median of the error expected of it [eV/Å]; ``None`` without committee."""
    probability: float | None = None
    """Probability that its error is above the tolerance [1]; ``None`` where the selector has no tolerance."""
    distance: float | None = None
    """Distance to the known frames, in units of theirs to each other [1]."""


@dataclass(frozen=True)
class Choice:
    """What became of the sampled frames."""

    refused: dict[int, str]
    """Index of each frame that was set aside → reason."""
    spreads_eV_A: np.ndarray
    """Committee spread of each other frame that has one, in order [eV/Å]."""
    uncertain: list[int]
    """Indices of the other frames that are uncertain."""
    selected: list[int]
    """Indices of the frames to label, the most worthwhile first."""
    decisions: list[Decision]
    """What was decided on each sampled frame, in order."""
    fallback: str | None
    """What was assumed of the errors for lack of labels; ``None`` if nothing."""

    @property
    def n_uncertain(self) -> int:
        """How many frames are uncertain."""
        return len(self.uncertain)

    def count(self, n_frames: int) -> dict[str, int]:
        """Return how many of the first ``n_frames`` frames there are, were refused, and are uncertain."""
        return {
            "n_sampled": n_frames,
            "n_refused": sum(index < n_frames for index in self.refused),
            "n_uncertain": sum(index < n_frames for index in self.uncertain),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the choice as JSON takes it, numbers to five significant digits."""
        return {
            "n_sampled": len(self.decisions),
            "refused": {str(index): reason for index, reason in self.refused.items()},
            "spreads_eV_A": np.round(self.spreads_eV_A, 5).tolist(),
            "n_uncertain": self.n_uncertain,
            "selected": self.selected,
            "fallback": self.fallback,
            "decisions": [
                {
                    key: float(f"{value:.5g}") if isinstance(value, float) else value
                    for key, value in asdict(one).items()
                }
                for one in self.decisions
            ],
        }


def choose_frames(
    frames: Sequence[Atoms],
    known: Sequence[Atoms],
    start: Atoms,
    filters: Mapping[str, Filter],
    selector: Selector,
    n_select: int,
    rng: np.random.Generator,
    selector_name: str,
    calibration: Calibration | None = None,
) -> Choice:
    """Filter sampled frames and select those to label.

    Parameters
    ----------
    frames
        Sampled frames, with ``spread_max_eV_A`` in ``info``; one without is set aside by a selector that asks for it.
    known
        Labelled frames.
    start
        What the frames were sampled from: the reference of the filters. Its own energy is unknown; the mean of the
        labelled frames stands for it.
    filters, selector
        What decides.
    n_select
        Frames wanted at most.
    rng
        Source of randomness of the selector.
    selector_name
        What to call the selector.
    calibration
        What the committee spread is worth, if labels of an earlier round have shown it.

    Raises
    ------
    InputError
        If a filter or the selector cannot use the frames, fails, or gives what its door does not allow.
    """
    mean = np.mean([labels_of(frame)["energy"] / len(frame) for frame in known])
    reference = start.copy()
    reference.info["potential_energy_eV"] = float(mean * len(start))
    kept, refused = filter_frames(frames, reference, filters)
    if selector.needs_committee:
        refused |= {
            index: f"{NO_SPREAD}: {frames[index].info.get('stop', 'one member')}"
            for index in kept
            if "spread_max_eV_A" not in frames[index].info
        }
    kept = [index for index in kept if index not in refused]
    is_known = ["spread_max_eV_A" in frames[index].info for index in kept]
    spreads = np.array([frames[index].info.get("spread_max_eV_A", 0.0) for index in kept])
    candidates = Candidates([frames[index] for index in kept], spreads, known, calibration)
    what = f"selector {selector_name!r}"
    with naming(f"{what} failed"):
        answer, uncertain = selector.select(candidates, n_select, rng), selector.are_uncertain(candidates)
    chosen, flags = _indices(what, answer, len(kept), n_select), _flags(what, uncertain, len(kept))
    with naming(f"{what} failed"):
        reasons, probabilities = selector.explain(candidates, chosen), selector.probabilities(candidates)
    decided = {index: Decision(index, "refused", reason) for index, reason in refused.items()}
    errors = candidates.error_model.frame_errors(candidates.scales_eV_A)
    for place, index in enumerate(kept):
        decided[index] = Decision(
            index,
            "bought" if place in chosen else "left",
            reasons[place],
            float(spreads[place]) if is_known[place] else None,
            float(errors[place]) if is_known[place] else None,
            None if probabilities is None else float(probabilities[place]),
            float(candidates.distances[place]),
        )
    return Choice(
        refused,
        spreads[np.array(is_known, bool)],
        [kept[one] for one in np.flatnonzero(flags)],
        [kept[one] for one in chosen],
        [decided[index] for index in range(len(frames))],
        candidates.fallback,
    )


def _indices(what: str, answer: Any, n_candidates: int, n_select: int) -> list[int]:
    """Return the indices that a selector chose, rejecting what cannot be labelled."""
    given = answer.tolist() if isinstance(answer, np.ndarray) else answer
    if (
        isinstance(given, list | tuple)
        and all(isinstance(one, Integral) and not isinstance(one, bool) for one in given)
        and all(0 <= one < n_candidates for one in given)
        and len(set(given)) == len(given) <= n_select
    ):
        return [int(one) for one in given]
    raise InputError(
        f"{what} gave {_short(answer)} of {n_candidates} candidates; expected at most {n_select} indices from 0, each "
        "once; correct the plug-in, or use another selector"
    )


def _flags(what: str, uncertain: Any, n_candidates: int) -> np.ndarray:
    """Return which candidates a selector takes for uncertain."""
    if isinstance(uncertain, np.ndarray) and uncertain.dtype == bool and uncertain.shape == (n_candidates,):
        return uncertain
    raise InputError(
        f"{what} calls {_short(uncertain)} uncertain; expected an array of true or false for each of {n_candidates} "
        "candidates; correct the plug-in, or use another selector"
    )


def _short(answer: Any) -> str:
    return shorten(repr(answer), 80, placeholder=" …")
