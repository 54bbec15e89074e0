"""From the provenance of a street to one plain dictionary; what is not there is said, not guessed."""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from aiida import orm

from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.report.curves import arrhenius_band, describe_crystal, describe_series, learning_curve, pool_parity
from aiida_elyte.report.polymer import POLYMER_STATIONS, collect_polymer
from aiida_elyte.report.provenance import (
    calls_of,
    describe_environment,
    describe_labels,
    describe_learning,
    describe_process,
    describe_rounds,
    describe_stages,
    functions_of,
    has_output,
    input_of,
    outcome_of,
    output_of,
    results_of,
    seconds_of,
    settings_of,
    tell_state,
    without_nodes,
)

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
        Process node of a ``CrystalWorkChain``, ``ActiveLearningWorkChain`` or ``ConductivityWorkChain``; those of the
        polymer street go to ``collect_polymer``.

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
    if label in POLYMER_STATIONS:
        return collect_polymer(node)
    if label not in _STATIONS:
        known = ", ".join((*_STATIONS, *POLYMER_STATIONS))
        raise InputError(
            f"node {node.pk} is {label or type(node).__name__}; expected a {known}; "
            "give the process number that `aiida-elyte launch` printed"
        )
    calls = calls_of(node)
    parts = {name: calls.get(name) for name in ("seeds_label", "learning", "conductivity")}
    if _STATIONS[label]:
        parts[_STATIONS[label]] = node
    learning, conductivity = parts["learning"], parts["conductivity"]
    training = list(_trainings(learning)) if learning else []
    runs = list(_runs(conductivity)) if conductivity else []
    data: dict[str, Any] = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "process": describe_process(node),
        "material": _material(node),
        "charges": _charges(node, conductivity),
        "theory": _theory(node, learning, training),
        "seeds": describe_labels(parts["seeds_label"]),
        "given": {name: name in node.inputs for name in ("dataset", "potentials")},
        "rounds": describe_rounds(learning) if learning else [],
        "learning": describe_learning(learning),
        "training": training,
        "parity": _parity(training),
        "runs": runs,
        "arrhenius": conductivity.outputs.arrhenius.get_dict() if has_output(conductivity, "arrhenius") else None,
        "arrhenius_band": arrhenius_band(
            {run["settings"]["temperature_K"]: run["transport"]["conductivity"] for run in runs if run["transport"]}
        ),
        "stages": list(describe_stages(node, parts)),
        "environment": describe_environment(node),
        "trail": _trail(runs, learning, training),
    }
    data["missing"] = list(_missing(data, parts))
    return without_nodes(data)


def _material(node: orm.WorkChainNode) -> dict[str, Any] | None:
    """Return what is known of the crystal; a citation is looked for in the extra ``citation`` of its node."""
    structure = input_of(node, "structure")
    if structure is not None:
        atoms = structure.get_ase()
    else:
        start = input_of(node, "start")
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


def _charges(node: orm.WorkChainNode, conductivity: orm.WorkChainNode | None) -> dict[str, float]:
    if conductivity is not None:
        return dict(conductivity.inputs.conditions["charges"])
    conditions = input_of(node, "conductivity__conditions")
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
    labeller = input_of(learning or node, "labeller") or input_of(node, "active_learning__labeller")
    return {"levels": levels, "labeller": labeller.value if labeller is not None else None}


def _trainings(learning: orm.WorkChainNode) -> Iterator[dict[str, Any]]:
    """Yield each training of the ensemble, oldest first, with what its members report."""
    earlier: dict[str, Any] = {}
    for name, node in calls_of(learning).items():
        if not name.endswith("_train"):
            continue
        members = {}
        for label, member in calls_of(node).items():
            if label.startswith("train_"):
                members[label.removeprefix("train_")] = _member(member)
        _note_reuse(members, node.inputs.dataset, earlier)
        earlier = members
        yield {
            "round": int(name.split("_")[1]),
            "pk": node.pk,
            "dataset_pk": node.inputs.dataset.pk,
            "n_frames": len(node.inputs.dataset),
            "seconds": seconds_of(node),
            "members": members,
        }


def _member(node: orm.ProcessNode) -> dict[str, Any]:
    results, settings = results_of(node), node.inputs.settings.get_dict()
    parity = output_of(node, "parity")
    return {
        "pk": node.pk,
        "state": outcome_of(node),
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
        "potential_pk": potential.pk if (potential := output_of(node, "potential")) is not None else None,
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
    analyses = {node.inputs.series.uuid: node for node in functions_of(conductivity, "transport")}
    charges = conductivity.inputs.conditions["charges"]
    found = {name: node for name, node in calls_of(conductivity).items() if name.startswith("md_T")}
    for name, node in sorted(found.items(), key=lambda item: settings_of(item[1])["temperature_K"]):
        series = output_of(node, "series")
        analysis = analyses.get(series.uuid) if series is not None else None
        result = analysis.outputs.result if analysis is not None and "result" in analysis.outputs else None
        results = results_of(node)
        yield {
            "name": name.removeprefix("md_"),
            "pk": node.pk,
            "state": outcome_of(node),
            "settings": settings_of(node),
            "results": results,
            "seconds": seconds_of(node),
            "transport": None if result is None else result.get_dict(),
            "result_pk": None if result is None else result.pk,
            "analysis_pk": None if analysis is None else analysis.pk,
            "series_pk": None if series is None else series.pk,
            "job_pk": None if series is None or series.creator is None else series.creator.pk,
            **({"msd": {}, "temperatures": []} if series is None else describe_series(series.get_series(), charges)),
        }


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
        found = describe_learning(learning) or {}
        trail.append({"what": f"{found['n_frames']} labelled frames", "kind": "FramesData", "pk": found["dataset_pk"]})
    return trail


def _missing(data: Mapping[str, Any], parts: Mapping[str, orm.ProcessNode | None]) -> Iterator[str]:
    """Yield a sentence for each thing a reader would look for in vain."""
    process = data["process"]
    yield from tell_state(process)
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
