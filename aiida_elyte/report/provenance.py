"""What the provenance graph tells of any street: calls, labels, rounds of learning, stages, versions."""

import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np
from aiida import orm
from aiida.common.links import LinkType

__all__ = [
    "calls_of",
    "describe_environment",
    "describe_labels",
    "describe_learning",
    "describe_process",
    "describe_rounds",
    "describe_stages",
    "functions_of",
    "has_output",
    "input_of",
    "outcome_of",
    "output_of",
    "results_of",
    "seconds_of",
    "settings_of",
    "tell_state",
    "without_nodes",
]


def calls_of(node: orm.ProcessNode) -> dict[str, orm.ProcessNode]:
    """Return the processes a process called, by the label of the call link, in the order they were made."""
    links = node.base.links.get_outgoing(link_type=(LinkType.CALL_WORK, LinkType.CALL_CALC)).all()
    return {link.link_label: link.node for link in sorted(links, key=lambda link: (link.node.ctime, link.node.pk))}


def functions_of(node: orm.ProcessNode, name: str) -> list[orm.ProcessNode]:
    """Return the calls of a calcfunction, oldest first."""
    return [called for called in sorted(node.called, key=lambda one: one.pk) if called.process_label == name]


def has_output(node: orm.ProcessNode | None, output: str) -> bool:
    """Tell whether a process is there and has an output."""
    return node is not None and output in node.outputs


def results_of(node: orm.ProcessNode) -> dict[str, Any]:
    """Return the ``results`` of a restart WorkChain, or of its last job where it has none yet."""
    for source in (node, *reversed(calls_of(node).values())):
        if "results" in source.outputs:
            return source.outputs.results.get_dict()
    return {}


def output_of(node: orm.ProcessNode, name: str) -> orm.Data | None:
    """Return an output of a restart WorkChain, or of its last job where it has none yet."""
    for source in (node, *reversed(calls_of(node).values())):
        if name in source.outputs:
            return source.outputs[name]
    return None


def describe_process(node: orm.ProcessNode) -> dict[str, Any]:
    """Return what a reader wants to know of a process: its number, state, message and time."""
    return {
        "pk": node.pk,
        "uuid": node.uuid,
        "label": node.process_label,
        "name": node.label,
        "state": node.process_state.value if node.process_state else "created",
        "finished": node.is_terminated,
        "ok": node.is_finished_ok,
        "exit_status": node.exit_status,
        "exit_message": node.exit_message or (node.exception if node.is_excepted else None),
        "begun": node.ctime.isoformat(timespec="seconds"),
        "seconds": seconds_of(node),
    }


def seconds_of(node: orm.ProcessNode) -> float:
    """Return the time from the start of a process to its end, or to now [s]."""
    end = node.mtime if node.is_terminated else datetime.now(UTC)
    return (end - node.ctime).total_seconds()


def input_of(node: orm.ProcessNode, name: str) -> Any:
    """Return an input, ``a__b`` one of a namespace, or ``None``."""
    links = node.base.links.get_incoming(link_type=LinkType.INPUT_WORK).all()
    return next((link.node for link in links if link.link_label == name), None)


def describe_labels(node: orm.ProcessNode | None) -> dict[str, Any] | None:
    """Return how many frames went to a labeller, came back, and were set aside."""
    if node is None:
        return None
    return {
        "pk": node.pk,
        "n_frames": len(node.inputs.frames),
        "n_labelled": len(node.outputs.frames) if "frames" in node.outputs else 0,
        "refused": node.outputs.refused.get_dict() if "refused" in node.outputs else {},
        "finished": node.is_terminated,
    }


def describe_rounds(learning: orm.WorkChainNode) -> list[dict[str, Any]]:
    """Return what each round of active learning sampled, refused, chose and labelled."""
    calls = calls_of(learning)
    rounds = []
    for number, selection in enumerate(functions_of(learning, "select_frames"), start=1):
        record, settings = selection.outputs.record.get_dict(), selection.inputs.settings.get_dict()
        sampling, labelling = calls.get(f"round_{number:02d}_sample"), calls.get(f"round_{number:02d}_label")
        labelled = describe_labels(labelling) or {}
        run = results_of(sampling) if sampling else {}
        rounds.append(
            {
                "number": number,
                "n_sampled": record["n_sampled"],
                "refused": record["refused"],
                "spreads_eV_A": np.array(record["spreads_eV_A"], float),
                "threshold_eV_A": settings["selection"].get("threshold_eV_A"),
                "n_uncertain": record["n_uncertain"],
                "n_selected": len(record["selected"]),
                "n_labelled": labelled.get("n_labelled", 0),
                "labels_refused": labelled.get("refused", {}),
                "stops": {name: _stop(stop) for name, stop in run.get("stops", {}).items()},
                "temperature_K": (settings_of(sampling) if sampling else {}).get("temperature_K"),
                "n_frames_before": len(selection.inputs.dataset),
            }
        )
    return rounds


def _stop(stop: Mapping[str, Any] | str) -> dict[str, Any]:
    """Return why a run stopped early: runs of LAMMPS say it in a sentence."""
    return {"kind": "STOPPED", "message": stop, "step": None} if isinstance(stop, str) else dict(stop)


def describe_learning(learning: orm.WorkChainNode | None) -> dict[str, Any] | None:
    """Return how learning ended, and the data set it has made so far."""
    if learning is None:
        return None
    history = learning.outputs.history.get_dict() if "history" in learning.outputs else {}
    merged = functions_of(learning, "merge_frames")
    dataset = merged[-1].outputs.result if merged and "result" in merged[-1].outputs else learning.inputs.dataset
    return {
        "settings": learning.inputs.learning.get_dict(),
        "reason": history.get("reason"),
        "n_frames": len(dataset),
        "dataset_pk": dataset.pk,
        "n_given": len(learning.inputs.dataset),
    }


def settings_of(node: orm.ProcessNode) -> dict[str, Any]:
    """Return the settings a process was given."""
    return node.inputs.settings.get_dict()


def describe_stages(node: orm.ProcessNode, parts: Mapping[str, orm.ProcessNode | None]) -> Iterator[dict[str, Any]]:
    """Yield a street, its stations by name and their runs, those of labelling left out, with the time each took."""
    yield _describe_stage(node, "the whole", 0)
    for name, part in parts.items():
        if part is None:
            continue
        if part.pk != node.pk:
            yield _describe_stage(part, name, 1)
        if not name.endswith("_label"):
            yield from (
                _describe_stage(child, label, 2)
                for label, child in calls_of(part).items()
                if isinstance(child, orm.WorkChainNode)
            )


def _describe_stage(node: orm.ProcessNode, name: str, level: int) -> dict[str, Any]:
    return {**describe_process(node), "stage": name, "level": level}


def outcome_of(node: orm.ProcessNode) -> str:
    """Return ``ok``, or what a process that has not ended well says of itself."""
    if node.is_finished_ok:
        return "ok"
    if node.is_finished:
        return node.exit_message or f"exit status {node.exit_status}"
    return str(node.process_state.value) if node.process_state else "created"


def tell_state(process: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence on a street that has not ended well."""
    if not process["finished"]:
        yield f"The street is still {process['state']}; this is what exists so far."
    elif not process["ok"]:
        status = f"failed with exit status {process['exit_status']}" if process["exit_status"] else process["state"]
        yield f"The street {status}: {process['exit_message'] or 'no message'}"


def describe_environment(node: orm.ProcessNode) -> dict[str, Any]:
    """Return versions and devices that the jobs report, and the versions here."""
    from aiida import __version__ as aiida_version

    versions: dict[str, set[str]] = {"aiida-core": {aiida_version}, "aiida-elyte": {metadata.version("aiida-elyte")}}
    devices: set[str] = set()
    for job in _sample_jobs(node):
        if "results" in job.outputs:
            environment = job.outputs.results.get_dict().get("environment", {})
            for name, version in environment.get("versions", {}).items():
                versions.setdefault(name, set()).add(version)
            devices.add(environment.get("device", "unstated"))
        elif "output_parameters" in job.outputs:
            stated = job.outputs.output_parameters.get_dict()
            if "creator_version" in stated:
                versions.setdefault(stated.get("creator_name", job.process_label), set()).add(stated["creator_version"])
    return {"versions": {name: sorted(found) for name, found in versions.items()}, "devices": sorted(devices)}


def _sample_jobs(node: orm.ProcessNode) -> Iterator[orm.CalcJobNode]:
    """Yield the jobs below a process; of a labeller only the first: they are many and alike."""
    for name, child in calls_of(node).items():
        if isinstance(child, orm.CalcJobNode):
            yield child
        elif isinstance(child, orm.WorkChainNode):
            jobs = _sample_jobs(child)
            yield from itertools.islice(jobs, 1) if name.endswith("_label") else jobs


def without_nodes(value: Any) -> Any:
    """Return plain containers: AiiDA's own lists and dictionaries become Python's."""
    if isinstance(value, Mapping):
        return {str(key): without_nodes(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nodes(one) for one in value]
    return value
