"""From the provenance of a street to one plain dictionary; what is not there is said, not guessed."""

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from aiida import orm
from aiida.common.links import LinkType

from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.report.curves import arrhenius_band, describe_crystal, describe_series, learning_curve, pool_parity

__all__ = ["collect"]

_STATIONS = {
    "CrystalWorkChain": None,
    "ActiveLearningWorkChain": "learning",
    "ConductivityWorkChain": "conductivity",
}
"""WorkChains that can be reported, and which part of a street each is."""


def collect(node: orm.WorkChainNode) -> dict[str, Any]:
    """Collect what a report tells of a street, or of its learning or conductivity alone.

    Works on finished, running and failed processes: nodes are followed by their call links, so that what exists is
    found before the street attaches its outputs.

    Parameters
    ----------
    node
        Process node of a ``CrystalWorkChain``, ``ActiveLearningWorkChain`` or ``ConductivityWorkChain``.

    Returns
    -------
    dict
        Plain values and numpy arrays: ``process``, ``material``, ``charges``, ``theory``, ``seeds``, ``rounds``,
        ``learning``, ``training``, ``parity``, ``runs``, ``arrhenius``, ``stages``, ``environment``, ``trail``, and
        ``missing``, sentences on what is not there.

    Raises
    ------
    InputError
        When the node is no such process.
    """
    label = getattr(node, "process_label", None)
    if label not in _STATIONS:
        raise InputError(
            f"node {node.pk} is a {label or type(node).__name__}; expected a {', '.join(_STATIONS)}; "
            "give the process number that `aiida-elyte launch` printed"
        )
    calls = _calls(node)
    parts = {name: calls.get(name) for name in ("seeds_label", "learning", "conductivity")}
    if _STATIONS[label]:
        parts[_STATIONS[label]] = node
    learning, conductivity = parts["learning"], parts["conductivity"]
    training = list(_trainings(learning)) if learning else []
    runs = list(_runs(conductivity)) if conductivity else []
    data: dict[str, Any] = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "process": _process(node),
        "material": _material(node),
        "charges": _charges(node, conductivity),
        "theory": _theory(node, learning, training),
        "seeds": _labelled(parts["seeds_label"]),
        "given": {name: name in node.inputs for name in ("dataset", "potentials")},
        "rounds": _rounds(learning) if learning else [],
        "learning": _learning(learning),
        "training": training,
        "parity": _parity(training),
        "runs": runs,
        "arrhenius": conductivity.outputs.arrhenius.get_dict() if _has(conductivity, "arrhenius") else None,
        "arrhenius_band": arrhenius_band(
            {run["settings"]["temperature_K"]: run["transport"]["conductivity"] for run in runs if run["transport"]}
        ),
        "stages": list(_stages(node, parts)),
        "environment": _environment(node),
        "trail": _trail(runs, learning, training),
    }
    data["missing"] = list(_missing(data, parts))
    return _without_nodes(data)


def _calls(node: orm.ProcessNode) -> dict[str, orm.ProcessNode]:
    """Return the processes a process called, by the label of the call link, in the order they were made."""
    links = node.base.links.get_outgoing(link_type=(LinkType.CALL_WORK, LinkType.CALL_CALC)).all()
    return {link.link_label: link.node for link in sorted(links, key=lambda link: (link.node.ctime, link.node.pk))}


def _functions(node: orm.ProcessNode, name: str) -> list[orm.ProcessNode]:
    """Return the calls of a calcfunction, oldest first."""
    return [called for called in sorted(node.called, key=lambda one: one.pk) if called.process_label == name]


def _has(node: orm.ProcessNode | None, output: str) -> bool:
    return node is not None and output in node.outputs


def _results(node: orm.ProcessNode) -> dict[str, Any]:
    """Return the ``results`` of a restart WorkChain, or of its last job where it has none yet."""
    for source in (node, *reversed(_calls(node).values())):
        if "results" in source.outputs:
            return source.outputs.results.get_dict()
    return {}


def _output(node: orm.ProcessNode, name: str) -> orm.Data | None:
    """Return an output of a restart WorkChain, or of its last job where it has none yet."""
    for source in (node, *reversed(_calls(node).values())):
        if name in source.outputs:
            return source.outputs[name]
    return None


def _process(node: orm.ProcessNode) -> dict[str, Any]:
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
        "seconds": _seconds(node),
    }


def _seconds(node: orm.ProcessNode) -> float:
    """Return the time from the start of a process to its end, or to now [s]."""
    end = node.mtime if node.is_terminated else datetime.now(UTC)
    return (end - node.ctime).total_seconds()


def _material(node: orm.WorkChainNode) -> dict[str, Any] | None:
    """Return what is known of the crystal; a citation is looked for in the extra ``citation`` of its node."""
    structure = _input(node, "structure")
    if structure is not None:
        atoms = structure.get_ase()
    else:
        start = _input(node, "start")
        if start is None:
            return None
        structure, atoms = start, start.get_frames()[0]
    return {
        **describe_crystal(atoms),
        "pk": structure.pk,
        "uuid": structure.uuid,
        "label": structure.label,
        "description": structure.description,
        "citation": structure.base.extras.get("citation", None),
    }


def _input(node: orm.ProcessNode, name: str) -> Any:
    """Return an input, ``a__b`` one of a namespace, or ``None``."""
    links = node.base.links.get_incoming(link_type=LinkType.INPUT_WORK).all()
    return next((link.node for link in links if link.link_label == name), None)


def _charges(node: orm.WorkChainNode, conductivity: orm.WorkChainNode | None) -> dict[str, float]:
    if conductivity is not None:
        return dict(conductivity.inputs.conditions["charges"])
    conditions = _input(node, "conductivity__conditions")
    return {} if conditions is None else dict(conditions["charges"])


def _theory(
    node: orm.WorkChainNode, learning: orm.WorkChainNode | None, training: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the level of theory of the labels, and who made them."""
    levels: list[str] = []
    if learning is not None:
        levels = learning.inputs.dataset.base.attributes.get("levels_of_theory")
    elif "potentials" in node.inputs:
        members = node.inputs.potentials.values()
        levels = sorted({one.base.attributes.get("level_of_theory", "unstated") for one in members})
    labeller = _input(learning or node, "labeller") or _input(node, "active_learning__labeller")
    return {"levels": levels, "labeller": labeller.value if labeller is not None else None}


def _labelled(node: orm.ProcessNode | None) -> dict[str, Any] | None:
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


def _rounds(learning: orm.WorkChainNode) -> list[dict[str, Any]]:
    """Return what each round of active learning sampled, refused, chose and labelled."""
    calls = _calls(learning)
    rounds = []
    for number, selection in enumerate(_functions(learning, "select_frames"), start=1):
        record, settings = selection.outputs.record.get_dict(), selection.inputs.settings.get_dict()
        sampling, labelling = calls.get(f"round_{number:02d}_sample"), calls.get(f"round_{number:02d}_label")
        labelled = _labelled(labelling) or {}
        run = _results(sampling) if sampling else {}
        rounds.append(
            {
                "number": number,
                "n_sampled": record["n_sampled"],
                "refused": record["refused"],
                "spreads_eV_A": np.array(record["spreads_eV_A"], float),
                "threshold_eV_A": settings["selection"]["threshold_eV_A"],
                "n_uncertain": record["n_uncertain"],
                "n_selected": len(record["selected"]),
                "n_labelled": labelled.get("n_labelled", 0),
                "labels_refused": labelled.get("refused", {}),
                "stops": run.get("stops", {}),
                "temperature_K": (_run_settings(sampling) if sampling else {}).get("temperature_K"),
                "n_frames_before": len(selection.inputs.dataset),
            }
        )
    return rounds


def _learning(learning: orm.WorkChainNode | None) -> dict[str, Any] | None:
    if learning is None:
        return None
    history = learning.outputs.history.get_dict() if "history" in learning.outputs else {}
    merged = _functions(learning, "merge_frames")
    dataset = merged[-1].outputs.result if merged and "result" in merged[-1].outputs else learning.inputs.dataset
    return {
        "settings": learning.inputs.learning.get_dict(),
        "reason": history.get("reason"),
        "n_frames": len(dataset),
        "dataset_pk": dataset.pk,
        "n_given": len(learning.inputs.dataset),
    }


def _trainings(learning: orm.WorkChainNode) -> Iterator[dict[str, Any]]:
    """Yield each training of the ensemble, oldest first, with what its members report."""
    earlier: dict[str, Any] = {}
    for name, node in _calls(learning).items():
        if not name.endswith("_train"):
            continue
        members = {}
        for label, member in _calls(node).items():
            if label.startswith("train_"):
                members[label.removeprefix("train_")] = _member(member)
        _note_reuse(members, node.inputs.dataset, earlier)
        earlier = members
        yield {
            "round": int(name.split("_")[1]),
            "pk": node.pk,
            "dataset_pk": node.inputs.dataset.pk,
            "n_frames": len(node.inputs.dataset),
            "seconds": _seconds(node),
            "members": members,
        }


def _member(node: orm.ProcessNode) -> dict[str, Any]:
    results, settings = _results(node), node.inputs.settings.get_dict()
    parity = _output(node, "parity")
    return {
        "pk": node.pk,
        "state": "ok" if node.is_finished_ok else node.exit_message or node.process_state.value,
        "settings": settings,
        "given_validation": "validation" in node.inputs,
        "curve": learning_curve(results.get("learning_curve", [])),
        "errors": results.get("errors", {}),
        "n_epochs": results.get("n_epochs"),
        "n_parameters": results.get("n_parameters"),
        "split": results.get("split", {}),
        "warnings": results.get("warnings", []),
        "seconds": results.get("seconds"),
        "parity": _arrays(parity) if parity is not None else {},
        "potential_pk": potential.pk if (potential := _output(node, "potential")) is not None else None,
    }


def _note_reuse(members: dict[str, Any], dataset: FramesData, earlier: Mapping[str, Any]) -> None:
    """Note how many validation frames a member had trained on before its warm start: their errors flatter it.

    ``trained_blocks`` holds, for each member, the blocks its weights have seen.
    """
    for name, member in members.items():
        validated = member["split"].get("validation_blocks", {})
        seen = set(earlier.get(name, {}).get("trained_blocks", ()))
        member["n_validation_seen"] = sum(count for block, count in validated.items() if block in seen)
        sizes = dataset.base.attributes.get("blocks")
        member["trained_blocks"] = sorted(
            seen | {block for block, count in sizes.items() if count > validated.get(block, 0)}
        )


def _arrays(node: orm.SinglefileData) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(node.get_content(mode="rb")), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _parity(training: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Pool the parity data of the last training's members; the arrays leave the members."""
    arrays = {}
    for step in training:
        taken = {name: member.pop("parity") for name, member in step["members"].items()}
        arrays = {name: one for name, one in taken.items() if one} or arrays
    return pool_parity(arrays)


def _runs(conductivity: orm.WorkChainNode) -> Iterator[dict[str, Any]]:
    """Yield the production run at each temperature, the coldest first."""
    analyses = {node.inputs.series.uuid: node for node in _functions(conductivity, "transport")}
    charges = conductivity.inputs.conditions["charges"]
    found = {name: node for name, node in _calls(conductivity).items() if name.startswith("md_T")}
    for name, node in sorted(found.items(), key=lambda item: _run_settings(item[1])["temperature_K"]):
        series = _output(node, "series")
        analysis = analyses.get(series.uuid) if series is not None else None
        result = analysis.outputs.result if analysis is not None and "result" in analysis.outputs else None
        results = _results(node)
        yield {
            "name": name.removeprefix("md_"),
            "pk": node.pk,
            "state": "ok" if node.is_finished_ok else node.exit_message or node.process_state.value,
            "settings": _run_settings(node),
            "results": results,
            "seconds": _seconds(node),
            "transport": None if result is None else result.get_dict(),
            "result_pk": None if result is None else result.pk,
            "analysis_pk": None if analysis is None else analysis.pk,
            "series_pk": None if series is None else series.pk,
            "job_pk": None if series is None or series.creator is None else series.creator.pk,
            **({"msd": {}, "temperatures": []} if series is None else describe_series(series.get_series(), charges)),
        }


def _run_settings(node: orm.ProcessNode) -> dict[str, Any]:
    return node.inputs.settings.get_dict()


def _stages(node: orm.ProcessNode, parts: Mapping[str, orm.ProcessNode | None]) -> Iterator[dict[str, Any]]:
    """Yield the street, its stations and their runs, with the time each took."""
    yield _stage(node, "the whole", 0)
    for name, part in parts.items():
        if part is None:
            continue
        if part.pk != node.pk:
            yield _stage(part, name, 1)
        if name != "seeds_label":
            yield from (
                _stage(child, label, 2) for label, child in _calls(part).items() if isinstance(child, orm.WorkChainNode)
            )


def _stage(node: orm.ProcessNode, name: str, level: int) -> dict[str, Any]:
    return {**_process(node), "stage": name, "level": level}


def _environment(node: orm.ProcessNode) -> dict[str, Any]:
    """Return versions and devices that the jobs report, and the versions here."""
    from aiida import __version__ as aiida_version

    from aiida_elyte import __version__

    versions: dict[str, set[str]] = {"aiida-core": {aiida_version}, "aiida-elyte": {__version__}}
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
    for name, child in _calls(node).items():
        if isinstance(child, orm.CalcJobNode):
            yield child
        elif isinstance(child, orm.WorkChainNode):
            jobs = _sample_jobs(child)
            yield from itertools.islice(jobs, 1) if name.endswith("_label") else jobs


def _trail(
    runs: Sequence[Mapping[str, Any]], learning: orm.WorkChainNode | None, training: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the way from a conductivity back to the frames: what each node is, and its number."""
    trail = []
    run = next((run for run in runs if run["result_pk"]), None)
    if run is not None:
        kelvin = f"{run['settings']['temperature_K']:g} K"
        trail += [
            {"what": f"Result at {kelvin}", "kind": "Dict", "pk": run["result_pk"]},
            {"what": "Analysis of the displacements", "kind": "transport", "pk": run["analysis_pk"], "process": True},
            {"what": "Displacements of every ion", "kind": "SeriesData", "pk": run["series_pk"]},
            {"what": f"Molecular dynamics at {kelvin}", "kind": "MdCalculation", "pk": run["job_pk"], "process": True},
        ]
    if training:
        last = training[-1]
        trail += [
            {"what": f"Potential {name}", "kind": "PotentialData", "pk": member["potential_pk"]}
            for name, member in last["members"].items()
            if member["potential_pk"]
        ]
        trail.append(
            {"what": "Training of the ensemble", "kind": "TrainEnsembleWorkChain", "pk": last["pk"], "process": True}
        )
    if learning is not None:
        found = _learning(learning) or {}
        trail.append({"what": f"{found['n_frames']} labelled frames", "kind": "FramesData", "pk": found["dataset_pk"]})
    return trail


def _missing(data: Mapping[str, Any], parts: Mapping[str, orm.ProcessNode | None]) -> Iterator[str]:
    """Yield a sentence for each thing a reader would look for in vain."""
    process = data["process"]
    if not process["finished"]:
        yield f"The street is still {process['state']}; this is what exists so far."
    elif not process["ok"]:
        status = f"failed with exit status {process['exit_status']}" if process["exit_status"] else process["state"]
        yield f"The street {status}: {process['exit_message'] or 'no message'}"
    if data["seeds"] is None and not data["given"]["dataset"] and process["label"] == "CrystalWorkChain":
        yield "No seed has been labelled."
    if parts["learning"] is None and process["label"] != "ConductivityWorkChain":
        yield "No ensemble has been trained."
    if parts["conductivity"] is None:
        if process["label"] != "ActiveLearningWorkChain":
            yield "No production run has begun: there is no conductivity."
        return
    for run in data["runs"]:
        kelvin = f"{run['settings']['temperature_K']:g} K"
        if run["transport"] is None:
            yield f"{kelvin}: no result ({run['state']})."
        for label, stop in run["results"].get("stops", {}).items():
            yield f"{kelvin}: replica {label} stopped at step {stop['step']} ({stop['kind']}: {stop['message']})."
    wanted = parts["conductivity"].inputs.conditions["temperatures_K"]
    for kelvin in sorted(set(map(float, wanted)) - {float(run["settings"]["temperature_K"]) for run in data["runs"]}):
        yield f"{kelvin:g} K: the run has not begun."
    if data["arrhenius"] is None:
        yield "No Arrhenius fit has been made."


def _without_nodes(value: Any) -> Any:
    """Return plain containers: AiiDA's own lists and dictionaries become Python's."""
    if isinstance(value, Mapping):
        return {str(key): _without_nodes(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nodes(one) for one in value]
    return value
