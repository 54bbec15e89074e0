"""Each frame that a learning met: what was decided on it and why, and what its label said of the committee."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.names import OFFENDING, round_call
from aiida_elyte.provenance.process import load_node
from aiida_elyte.science.frames import committee_of, labels_of
from aiida_elyte.science.learning.observations import match_labels

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["KEPT", "KNOWN", "CalibrationRecord", "JudgedFrame", "load_calibrations", "load_judged_frames"]

KNOWN = "known"
"""Decision on a frame that was labelled before the first round."""
KEPT = "kept"
"""Decision on a frame that failed the last qualification, after which no round came."""


@dataclass(frozen=True, eq=False)
class JudgedFrame:
    """A frame that a learning met."""

    atoms: "Atoms"
    """The frame."""
    round: int
    """Number of the round that met it; 0 before the first."""
    source: str
    """Name of its sampler, or ``offending`` if it failed a qualification; empty before the first round."""
    decision: str
    """``bought``, ``left`` or ``refused``; ``known`` or ``kept`` where no round decided."""
    reason: str
    """Why, in a few words."""
    spread_eV_A: float | None = None
    """Largest committee spread of its atoms [eV/Å]; ``None`` without committee."""
    error_eV_A: float | None = None
    """Median of the error expected of it [eV/Å]; ``None`` without committee."""
    true_error_eV_A: float | None = None
    """The error that its label showed, root mean square over its atoms [eV/Å]; ``None`` without label."""
    probability: float | None = None
    """Probability that its error is above the tolerance [1]; ``None`` where there is no tolerance."""
    distance: float | None = None
    """Distance to the known frames, in units of theirs to each other [1]; ``None`` of a refused frame."""


@dataclass(frozen=True)
class CalibrationRecord:
    """What the committee's spread was found to be worth by the labels of a round."""

    round: int
    """Number of the round."""
    pk: int
    """PK of its node."""
    n_frames: int
    """Labelled frames that it was fitted to."""
    factor: float
    """Error over spread [1]."""
    fallback: str | None
    """What was assumed for lack of labels; ``None`` if nothing."""
    reliability: tuple[dict[str, Any], ...]
    """How the calibration before it did on the labels of the round, see ``judge_calibration``; none in the first."""


def load_judged_frames(pk: int) -> tuple[JudgedFrame, ...]:
    """Return the frames of a learning, round by round.

    Parameters
    ----------
    pk
        PK of the learning.

    Returns
    -------
    tuple of JudgedFrame
        None where no round recorded its decisions: those of earlier versions did not.
    """
    learning = Links(load_node(pk))
    found = [frame for number, one in _judgements(learning) for frame in _frames_of_round(learning, number, one)]
    if not found:
        return ()
    known = learning.inputs["dataset"].get_frames()
    before = [JudgedFrame(frame, 0, "", KNOWN, "labelled before the first round") for frame in known]
    return (*before, *found, *_left_over(learning, found[-1].round))


def load_calibrations(pk: int) -> tuple[CalibrationRecord, ...]:
    """Return the calibrations of a learning, oldest first.

    Parameters
    ----------
    pk
        PK of the learning.
    """
    learning = Links(load_node(pk))
    rounds = {one.outputs["frames"].pk: number for number, one in _judgements(learning) if "frames" in one.outputs}
    found = []
    for one in learning.functions("calibrate"):
        if "calibration" in one.outputs and one.inputs["sampled"].pk in rounds:
            content = one.outputs["calibration"].get_dict()
            found.append(
                CalibrationRecord(
                    rounds[one.inputs["sampled"].pk],
                    one.outputs["calibration"].pk,
                    content["n_frames"],
                    content["factor"],
                    content["fallback"],
                    tuple(content["reliability"]),
                )
            )
    return tuple(found)


def _judgements(learning: Links) -> list[tuple[int, Links]]:
    """Return the number of each round whose sampled frames were judged, and the judgement."""
    judged = [one for one in learning.functions("select_frames") if "record" in one.outputs]
    return list(enumerate(judged, start=1))


def _frames_of_round(learning: Links, number: int, judgement: Links) -> Iterator[JudgedFrame]:
    record = judgement.outputs["record"].get_dict()
    if "decisions" not in record:
        return
    given = {name: node for name, node in judgement.inputs.items() if name in record["sets"]}
    first = learning.inputs["sampler"].value
    names = {"sampled": first} | {name: name for name in sorted(given) if name != "sampled"}
    frames = [(source, frame) for name, source in names.items() for frame in given[name].get_frames()]
    errors = _true_errors(learning, number, judgement, record["selected"])
    for (source, frame), decision in zip(frames, record["decisions"], strict=True):
        failed = f"; failed {frame.info['failed_test']}" if source == OFFENDING and "failed_test" in frame.info else ""
        yield JudgedFrame(
            frame,
            number,
            source,
            decision["decision"],
            decision["reason"] + failed,
            decision["spread_eV_A"],
            decision["error_eV_A"],
            errors.get(decision["index"]),
            decision["probability"],
            decision["distance"],
        )


def _true_errors(learning: Links, number: int, judgement: Links, selected: list[int]) -> dict[int, float]:
    """Return the error of each frame of a round whose label says it, by its index among the sampled ones."""
    labelling = learning.calls.get(round_call(number, "label"))
    if labelling is None or "frames" not in labelling.outputs or "frames" not in judgement.outputs:
        return {}
    labelled, chosen = labelling.outputs["frames"].get_frames(), judgement.outputs["frames"].get_frames()
    found = {}
    for place, index in match_labels(labelled, chosen):
        said, forces = committee_of(chosen[index]), labels_of(labelled[place]).get("forces")
        if said is not None and forces is not None:
            found[selected[index]] = float(np.sqrt(((forces - said[0]) ** 2).sum(axis=1).mean()))
    return found


def _left_over(learning: Links, number: int) -> Iterator[JudgedFrame]:
    """Yield the frames that failed the last qualification: no round came after it."""
    if OFFENDING in learning.outputs:
        for frame in learning.outputs[OFFENDING].get_frames():
            failed = frame.info.get("failed_test", "a test of qualification")
            yield JudgedFrame(frame, number, OFFENDING, KEPT, f"failed {failed}")
