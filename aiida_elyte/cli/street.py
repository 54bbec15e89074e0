"""What a WorkChain has done so far, read from the database: steps, rounds, newest data set, newest potentials."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.plugins import load
from aiida_elyte.program import PROGRESS

if TYPE_CHECKING:
    from aiida import orm

    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.data.potential import PotentialData

__all__ = [
    "Step",
    "descendants",
    "find_boxes",
    "find_rounds",
    "newest_dataset",
    "newest_potentials",
    "read_progress",
    "read_settings",
    "results_of",
    "running_jobs",
]

_LEARNERS = ("ActiveLearningWorkChain", "ForceFieldWorkChain")
_FIRST_LABELS = ("seeds_label", "clusters_label")
_TERMINATED = ("finished", "excepted", "killed")


@dataclass(frozen=True)
class Step:
    """One process called by a WorkChain, directly or not."""

    pk: int
    """PK of its node."""
    path: str
    """Link labels from the top down, those that only count attempts left out."""
    process: str
    """Class of the process."""
    state: str
    """Its state, e.g. ``running``."""
    exit_status: int | None
    """Exit status of a finished one."""
    is_job: bool
    """Whether it is a CalcJob."""
    workdir: str | None
    """Folder of a CalcJob on its computer."""
    is_local: bool
    """Whether that computer is this machine."""
    caller: int
    """PK of the process that called it."""
    label: str
    """Label of the call."""
    since: datetime
    """When it was made."""

    @property
    def is_terminated(self) -> bool:
        """Tell whether it has ended."""
        return self.state in _TERMINATED


def descendants(node: "orm.ProcessNode") -> list[Step]:
    """Return every process called below a node, in the order they were called."""
    from aiida import orm

    callers = {node.pk: ""}
    found: list[Step] = []
    while callers:
        query = orm.QueryBuilder()
        query.append(orm.ProcessNode, filters={"id": {"in": list(callers)}}, project="id", tag="caller")
        query.append(
            orm.ProcessNode,
            with_incoming="caller",
            edge_filters={"type": {"in": ["call_calc", "call_work"]}},
            edge_project="label",
            project=[
                "id",
                "ctime",
                "node_type",
                "attributes.process_label",
                "attributes.process_state",
                "attributes.exit_status",
                "attributes.remote_workdir",
            ],
            tag="step",
        )
        query.append(orm.Computer, with_node="step", project="transport_type", outerjoin=True)
        above, callers = callers, {}
        for caller, pk, ctime, node_type, process, state, exit_status, workdir, transport, label in query.all():
            counts_only = label.startswith("iteration_") or label == "CALL"
            path = above[caller] if counts_only else f"{above[caller]} / {label}".removeprefix(" / ")
            callers[pk] = path
            is_job = "calcjob" in node_type
            is_local = transport == "core.local"
            found.append(
                Step(
                    pk,
                    path,
                    process or "",
                    state or "created",
                    exit_status,
                    is_job,
                    workdir,
                    is_local,
                    caller,
                    label,
                    ctime,
                )
            )
    return sorted(found, key=lambda step: step.pk)


def running_jobs(steps: Iterable[Step]) -> list[Step]:
    """Return the CalcJobs that have not ended."""
    return [step for step in steps if step.is_job and not step.is_terminated]


def read_progress(step: Step) -> dict[str, Any]:
    """Return what a running job on this machine last reported of itself, ``{}`` when it has not or cannot be read."""
    return _read(step, PROGRESS)


def read_settings(step: Step) -> dict[str, Any]:
    """Return the settings of a running job on this machine, ``{}`` when they cannot be read."""
    return _read(step, "settings.json")


def _read(step: Step, name: str) -> dict[str, Any]:
    if not (step.workdir and step.is_local):
        return {}
    try:
        content: dict[str, Any] = json.loads((Path(step.workdir) / name).read_text())
    except FileNotFoundError:
        return {}
    return content


def results_of(node: "orm.ProcessNode", name: str) -> dict[str, Any]:
    """Return the outputs of a namespace or name wherever it is nested: ``transport`` → ``{"T0600_00": node}``."""
    from aiida.common.links import LinkType

    found = {}
    for link in node.base.links.get_outgoing(link_type=(LinkType.RETURN, LinkType.CREATE)).all():
        parts = link.link_label.split("__")
        if name in parts:
            found["__".join(parts[parts.index(name) + 1 :])] = link.node
    return dict(sorted(found.items()))


def find_rounds(node: "orm.ProcessNode", steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return what each round of learning sampled, refused, labelled and learned; round 0 is the first training.

    Parameters
    ----------
    node
        A street, or a WorkChain of active learning.
    steps
        Its ``descendants``.

    Returns
    -------
    list of dict
        ``number``; from round 1 on ``n_sampled``, ``n_refused``, ``n_uncertain``, ``n_selected``, ``n_labelled``;
        where the ensemble has been trained ``n_dataset``, ``members`` and the error on validation frames, mean over
        members, under the name its trainer gives it (``status_key``).
    """
    from aiida import orm

    rounds: dict[int, dict[str, Any]] = {}
    selections = []
    for step in steps:
        if step.process == "select_frames" and step.state == "finished" and not step.exit_status:
            selections.append(orm.load_node(step.pk).outputs.record.get_dict())
            continue
        number, what = _round_of(step.label)
        if number is None:
            continue
        entry = rounds.setdefault(number, {"number": number})
        if what == "train":
            entry |= _training(orm.load_node(step.pk))
        elif what == "label":
            labelled = results_of(orm.load_node(step.pk), "frames")
            entry["n_labelled"] = sum(len(frames) for frames in labelled.values())
    for number, record in enumerate(selections, start=1):
        rounds.setdefault(number, {"number": number}).update(
            n_sampled=record["n_sampled"],
            n_refused=len(record["refused"]),
            n_uncertain=record["n_uncertain"],
            n_selected=len(record["selected"]),
        )
    if not rounds and node.process_label == "TrainEnsembleWorkChain":
        rounds[0] = {"number": 0, **_training(node)}
    return [rounds[number] for number in sorted(rounds)]


def find_boxes(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return the boxes of a polymer street and where they are.

    Parameters
    ----------
    steps
        The street's ``descendants``.

    Returns
    -------
    list of dict
        ``name``, ``pk``, ``state``; ``step``, what was begun last; ``equilibrium``: ``settled``, why not, or ``None``
        before it was judged.
    """
    from aiida import orm

    steps = list(steps)
    found = []
    for box in steps:
        if box.process != "BoxWorkChain":
            continue
        own = [step for step in steps if step.caller == box.pk]
        verdicts = [step for step in own if step.process == "judge_box" and step.state == "finished"]
        verdict = results_of(orm.load_node(verdicts[-1].pk), "result").get("") if verdicts else None
        chains = [step.label for step in own if step.process.endswith("WorkChain")]
        found.append(
            {
                "name": box.label,
                "pk": box.pk,
                "state": box.state if not box.exit_status else f"exit status {box.exit_status}",
                "step": chains[-1] if chains else "",
                "equilibrium": None if verdict is None else verdict["refused"] or "settled",
            }
        )
    return found


def newest_dataset(node: "orm.ProcessNode", steps: Iterable[Step]) -> "FramesData | None":
    """Return the last labelled set a street has: merged, labelled from seeds, or given."""
    from aiida import orm

    found = [node.inputs.dataset] if "dataset" in node.inputs else []
    steps = list(steps)
    learners = {step.pk for step in steps if step.process in _LEARNERS} | {node.pk}
    for step in steps:
        if step.label in _FIRST_LABELS:
            found.extend(results_of(orm.load_node(step.pk), "frames").values())
        elif step.process == "merge_frames" and step.caller in learners:
            found.extend(results_of(orm.load_node(step.pk), "result").values())
    return max(found, key=lambda frames: frames.pk, default=None)


def newest_potentials(node: "orm.ProcessNode", steps: Iterable[Step]) -> "dict[str, PotentialData]":
    """Return the members of the last ensemble that was trained whole, else those given, else ``{}``."""
    from aiida import orm

    for step in sorted(steps, key=lambda step: -step.pk):
        if step.process == "TrainEnsembleWorkChain" and step.state == "finished" and step.exit_status == 0:
            return results_of(orm.load_node(step.pk), "potentials")
    members = results_of(node, "potentials")
    return members or dict(_given_potentials(node))


def _given_potentials(node: "orm.ProcessNode") -> "Iterator[tuple[str, PotentialData]]":
    from aiida.common.links import LinkType

    for link in node.base.links.get_incoming(link_type=LinkType.INPUT_WORK).all():
        namespace, _, member = link.link_label.partition("__")
        if namespace in ("potentials", "force_fields"):
            yield member, link.node


def _training(node: "orm.ProcessNode") -> dict[str, Any]:
    entry: dict[str, Any] = {"n_dataset": len(node.inputs.dataset), "members": len(results_of(node, "potentials"))}
    if "summary" in node.outputs:
        found = [(member["errors"] or {}).get("validation") for member in node.outputs.summary.get_dict().values()]
        key = load("trainers", node.inputs.trainer.value).status_key
        errors = [error for error in map(key.of, filter(None, found)) if error is not None]
        if errors:
            entry[key.name] = sum(errors) / len(errors)
    return entry


def _round_of(label: str) -> tuple[int | None, str]:
    """Return number and kind of a call like ``round_03_train``."""
    parts = label.split("_")
    if len(parts) == 3 and parts[0] == "round" and parts[1].isdecimal():
        return int(parts[1]), parts[2]
    return None, ""
