"""How the ensemble of a street was learned: labels, rounds, trainings, members."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aiida_elyte import plugins
from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.names import CLUSTER_LABELS, LEARNING, SEED_LABELS, parse_call, round_call
from aiida_elyte.provenance.process import load_arrays, load_node, pk_of, read_process
from aiida_elyte.provenance.qualification import verdict_of
from aiida_elyte.provenance.steps import descendants, results_of
from aiida_elyte.science.learning.error_key import ErrorKey
from aiida_elyte.science.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    from aiida import orm

    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.data.potential import PotentialData

__all__ = [
    "LEARNERS",
    "EarlyStop",
    "Ending",
    "Labels",
    "LearningRecord",
    "Member",
    "Round",
    "SelectionRecord",
    "Training",
    "learning_of",
    "load_members",
    "load_parity",
    "load_trainings",
    "newest_dataset",
    "newest_potentials",
    "read_labels",
    "read_learning",
    "read_rounds",
]

LEARNERS = ("ActiveLearningWorkChain", "ForceFieldWorkChain")
"""WorkChains that learn in rounds."""
_ENSEMBLE = "TrainEnsembleWorkChain"


@dataclass(frozen=True)
class Labels:
    """Frames that went to a labeller."""

    pk: int
    """PK of the labeller."""
    n_frames: int
    """Frames that went there."""
    n_labelled: int
    """Frames that came back."""
    refused: dict[str, str]
    """Index of a frame that was set aside → reason."""
    finished: bool
    """Whether the labeller has ended."""


@dataclass(frozen=True)
class EarlyStop:
    """Why one run of a sampling stopped early."""

    kind: str
    """Kind of the stop, e.g. ``COLLIDED``."""
    message: str
    """Its message."""
    step: int | None
    """Step at which it stopped, where the engine states it."""


@dataclass(frozen=True)
class SelectionRecord:
    """What became of the frames that a round sampled."""

    n_sampled: int
    """Frames sampled."""
    refused: dict[str, str]
    """Index of an unphysical frame → reason."""
    spreads_eV_A: tuple[float | None, ...]
    """Largest committee spread of each physical frame [eV/Å]."""
    threshold_eV_A: float | None
    """Spread above which a frame is uncertain [eV/Å]."""
    errors_eV_A: tuple[float | None, ...]
    """Error expected of each frame that was not set aside [eV/Å]; ``None`` without committee, and none in records of
    before there were any."""
    tolerance_eV_A: float | None
    """Error up to which a frame is good enough [eV/Å]; ``None`` where the selector has no tolerance."""
    n_uncertain: int
    """Frames above the threshold."""
    n_selected: int
    """Frames that went to the labeller."""
    n_frames_before: int
    """Labelled frames before the round."""


@dataclass(frozen=True)
class Training:
    """One training of the ensemble."""

    round: int
    """Number of the round that it ends; 0 for the first training."""
    pk: int
    """PK of the training."""
    dataset_pk: int
    """PK of the frames it was trained on."""
    n_frames: int
    """Number of these frames."""
    seconds: float
    """Time it took so far [s]."""
    n_members: int
    """Members that have been trained."""
    error: float | None
    """Error on validation frames, mean over the members, in the unit of ``error_key``; ``None`` until it is known."""
    error_key: ErrorKey | None
    """What that error is; ``None`` where the trainer is not installed here."""


@dataclass(frozen=True)
class Round:
    """One round of active learning; round 0 is the first training alone."""

    number: int
    """Its number."""
    temperature_K: float | None
    """Temperature of the sampling [K]."""
    stops: dict[str, EarlyStop]
    """Runs of the sampling that stopped early, by name."""
    selection: SelectionRecord | None
    """What became of the sampled frames; ``None`` before they were judged."""
    labels: Labels | None
    """Labels of the round; ``None`` where nothing went to the labeller."""
    training: Training | None
    """The training that ends the round; ``None`` where it has not begun."""


@dataclass(frozen=True)
class Ending:
    """The last decision of a learning."""

    criterion: str
    """What decided: ``qualified``, ``converged``, or what is spent."""
    is_converged: bool
    """Whether all criteria hold."""
    advice: tuple[str, ...]
    """What to change, a sentence each."""


@dataclass(frozen=True)
class LearningRecord:
    """Learning in rounds, and the labelled frames it has made so far."""

    pk: int
    """PK of the WorkChain."""
    settings: dict[str, Any]
    """Settings of the learning."""
    reason: str | None
    """Why it ended; ``None`` before that."""
    ending: Ending | None
    """What decided that it ended; ``None`` before that, where it failed, and in records of before there were any."""
    n_given: int
    """Labelled frames before the first round."""
    dataset_pk: int
    """PK of the newest labelled frames."""
    n_frames: int
    """Number of the newest labelled frames."""
    rounds: tuple[Round, ...]
    """Its rounds, in order."""

    @property
    def trainings(self) -> tuple[Training, ...]:
        """Trainings of the ensemble, oldest first."""
        return tuple(one.training for one in self.rounds if one.training is not None)


@dataclass(frozen=True)
class Member:
    """One member of an ensemble, with all that its trainer reports."""

    pk: int
    """PK of its training."""
    state: str
    """``ok``, or how the training ended."""
    settings: dict[str, Any]
    """Settings of the trainer."""
    results: dict[str, Any]
    """What the trainer reports."""
    given_validation: bool
    """Whether the frames to validate on were given."""
    n_validation_seen: int
    """Validation frames that the weights had been trained on before a warm start: their errors flatter."""
    trained_blocks: frozenset[str]
    """Blocks of frames that the weights have seen."""
    potential_pk: int | None
    """PK of its potential."""
    verdict: Verdict | None
    """Verdict of the last qualification of its potential; ``None`` where it had none."""
    parity_pk: int | None
    """PK of labels and predictions, where the trainer keeps them."""


def read_labels(process: Links | None) -> Labels | None:
    """Return how many frames went to a labeller, came back, and were set aside."""
    if process is None:
        return None
    outputs = process.outputs
    return Labels(
        pk=process.pk,
        n_frames=len(process.inputs["frames"]),
        n_labelled=len(outputs["frames"]) if "frames" in outputs else 0,
        refused=dict(outputs["refused"].get_dict()) if "refused" in outputs else {},
        finished=process.node.is_terminated,
    )


def learning_of(street: Links) -> Links | None:
    """Return the learning of a street, or of itself, ``None`` before it has begun."""
    return street if street.process in LEARNERS else street.calls.get(LEARNING)


def read_learning(process: Links | None) -> LearningRecord | None:
    """Return the record of a learning."""
    if process is None:
        return None
    history = process.outputs["history"].get_dict() if "history" in process.outputs else {}
    dataset = _dataset_of(process)
    return LearningRecord(
        pk=process.pk,
        settings=dict(process.inputs["learning"].get_dict()),
        reason=history.get("reason"),
        ending=_read_ending(history),
        n_given=len(process.inputs["dataset"]),
        dataset_pk=dataset.pk,
        n_frames=len(dataset),
        rounds=read_rounds(process),
    )


def _read_ending(history: Mapping[str, Any]) -> Ending | None:
    """Return the last decision; a learning that failed was not decided to end."""
    decisions = history.get("decisions", [])
    if not decisions or decisions[-1]["step"] != "end":
        return None
    last = decisions[-1]
    return Ending(last["criterion"], last["is_converged"], tuple(last["advice"]))


def read_rounds(process: Links | None) -> tuple[Round, ...]:
    """Return the rounds of a learning; the training of an ensemble alone is round 0.

    Parameters
    ----------
    process
        A learning, or the training of an ensemble; others have no rounds.
    """
    if process is None:
        return ()
    if process.process == _ENSEMBLE:
        return (Round(0, None, {}, None, None, _read_training(process, 0)),)
    if process.process not in LEARNERS:
        return ()
    judged = (one for one in process.functions("select_frames") if "record" in one.outputs)
    selections = {number: _read_selection(one) for number, one in enumerate(judged, start=1)}
    parsed = [call for call in map(parse_call, process.calls) if call is not None and call.kind == "round"]
    numbers = {call.number for call in parsed if call.number is not None} | set(selections)
    return tuple(_read_round(number, process.calls, selections.get(number)) for number in sorted(numbers))


def _read_round(number: int, calls: Mapping[str, Links], selection: SelectionRecord | None) -> Round:
    sampling, training = calls.get(round_call(number, "sample")), calls.get(round_call(number, "train"))
    stops = {} if sampling is None else sampling.last_results().get("stops", {})
    return Round(
        number=number,
        temperature_K=None if sampling is None else sampling.settings.get("temperature_K"),
        stops={name: _read_stop(stop) for name, stop in stops.items()},
        selection=selection,
        labels=read_labels(calls.get(round_call(number, "label"))),
        training=None if training is None else _read_training(training, number),
    )


def _read_stop(stop: Mapping[str, Any] | str) -> EarlyStop:
    """Return why a run stopped early: runs of LAMMPS say it in a sentence."""
    return (
        EarlyStop("STOPPED", stop, None)
        if isinstance(stop, str)
        else EarlyStop(stop["kind"], stop["message"], stop["step"])
    )


def _read_selection(process: Links) -> SelectionRecord:
    record, chosen_by = process.outputs["record"].get_dict(), process.settings["selection"]
    return SelectionRecord(
        n_sampled=record["n_sampled"],
        refused=record["refused"],
        spreads_eV_A=tuple(record["spreads_eV_A"]),
        threshold_eV_A=chosen_by.get("threshold_eV_A"),
        errors_eV_A=tuple(one["error_eV_A"] for one in record.get("decisions", []) if one["decision"] != "refused"),
        tolerance_eV_A=chosen_by.get("tolerance_eV_A"),
        n_uncertain=record["n_uncertain"],
        n_selected=len(record["selected"]),
        n_frames_before=len(process.inputs["dataset"]),
    )


def _read_training(process: Links, number: int) -> Training:
    key = _error_key_of(process)
    errors: list[float] = []
    if key is not None and "summary" in process.outputs:
        sides = [
            (member["errors"] or {}).get("validation") for member in process.outputs["summary"].get_dict().values()
        ]
        errors = [error for side in sides if (error := key.of(side or {})) is not None]
    dataset = process.inputs["dataset"]
    return Training(
        round=number,
        pk=process.pk,
        dataset_pk=dataset.pk,
        n_frames=len(dataset),
        seconds=read_process(process.node).seconds,
        n_members=len(process.under("potentials")),
        error=sum(errors) / len(errors) if errors else None,
        error_key=key,
    )


def _error_key_of(training: Links) -> ErrorKey | None:
    """Return the error that the trainer of an ensemble wants shown."""
    trainer = training.inputs["trainer"].value
    return plugins.load("trainers", trainer).status_key if trainer in plugins.names("trainers") else None


def load_trainings(learning: LearningRecord) -> tuple[tuple[Training, dict[str, Member]], ...]:
    """Return each training with its members, oldest first, and what they had seen before each warm start."""
    found = []
    earlier: dict[str, Member] = {}
    for training in learning.trainings:
        sizes = load_node(training.dataset_pk).base.attributes.get("blocks")
        members = {
            name: _with_reuse(member, sizes, earlier[name].trained_blocks if name in earlier else frozenset())
            for name, member in load_members(training.pk).items()
        }
        earlier = members
        found.append((training, members))
    return tuple(found)


def load_members(pk: int) -> dict[str, Member]:
    """Return the members of an ensemble, as far as they were trained.

    Parameters
    ----------
    pk
        PK of the training of the ensemble.
    """
    found = {}
    for label, process in Links(load_node(pk)).calls.items():
        call = parse_call(label)
        if call is not None and call.kind == "member" and call.name is not None:
            potential = process.last_output("potential")
            found[call.name] = Member(
                pk=process.pk,
                state=read_process(process.node).outcome,
                settings=process.settings,
                results=process.last_results(),
                given_validation="validation" in process.inputs,
                n_validation_seen=0,
                trained_blocks=frozenset(),
                potential_pk=pk_of(potential),
                verdict=None if potential is None else verdict_of(potential),
                parity_pk=pk_of(process.last_output("parity")),
            )
    return found


def _with_reuse(member: Member, sizes: Mapping[str, int], seen: frozenset[str]) -> Member:
    """Return a member that knows which blocks of its data set its weights had seen, and which they see now."""
    validated = member.results.get("split", {}).get("validation_blocks", {})
    return replace(
        member,
        n_validation_seen=sum(count for block, count in validated.items() if block in seen),
        trained_blocks=seen | {block for block, count in sizes.items() if count > validated.get(block, 0)},
    )


def load_parity(members: Mapping[str, Member]) -> "dict[str, dict[str, np.ndarray]]":
    """Return labels and predictions of the members that have them."""
    arrays = {name: load_arrays(member.parity_pk) for name, member in members.items()}
    return {name: found for name, found in arrays.items() if found}


def _dataset_of(learning: Links) -> Any:
    """Return the newest labelled frames of a learning."""
    merged = [one.outputs["result"] for one in learning.functions("merge_frames") if "result" in one.outputs]
    return merged[-1] if merged else learning.inputs["dataset"]


def newest_dataset(street: Links) -> "FramesData | None":
    """Return the last labelled set a street has: merged, labelled before the first round, or given."""
    learning = learning_of(street)
    labelled = (street.calls[label].outputs for label in (SEED_LABELS, CLUSTER_LABELS) if label in street.calls)
    found: list[FramesData | None] = [] if learning is None else [_dataset_of(learning)]
    found += [outputs["frames"] for outputs in labelled if "frames" in outputs]
    return next(iter(found), street.inputs.get("dataset"))


def newest_potentials(node: "orm.ProcessNode") -> "dict[str, PotentialData]":
    """Return the members of the last ensemble that was trained whole, else those given, else ``{}``."""
    for step in reversed(descendants(node)):
        if step.process == _ENSEMBLE and step.state == "finished" and step.exit_status == 0:
            return results_of(load_node(step.pk), "potentials")
    return results_of(node, "potentials") or _given_potentials(Links(node))


def _given_potentials(street: Links) -> "dict[str, PotentialData]":
    found = {}
    for label, node in street.inputs.items():
        namespace, _, member = label.partition("__")
        if namespace in ("potentials", "force_fields"):
            found[member] = node
    return found
