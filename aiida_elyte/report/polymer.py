"""From the provenance of a polymer street, of its learning or of one box alone, to one plain dictionary."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from aiida import orm

from aiida_elyte.data.series import SeriesData
from aiida_elyte.report.curves import describe_series
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
from aiida_elyte.science.electrolyte.recipe import read_recipe

__all__ = ["POLYMER_STATIONS", "collect_polymer"]

POLYMER_STATIONS = {"PolymerWorkChain": None, "ForceFieldWorkChain": "learning", "BoxWorkChain": "box"}
"""WorkChains of this street, and which part of it each is."""

_BOX_STEPS = ("build", "production", "reduce", "solvation")


def collect_polymer(node: orm.WorkChainNode) -> dict[str, Any]:
    """Collect what a report tells of a polymer street.

    Works on finished, running and failed processes, as ``collect`` does.

    Parameters
    ----------
    node
        Process node of a ``PolymerWorkChain``, ``ForceFieldWorkChain`` or ``BoxWorkChain``.

    Returns
    -------
    dict
        Plain values and numpy arrays: ``process``, ``recipe``, ``theory``, ``seeds``, ``rounds``, ``learning``,
        ``fits``, ``boxes``, ``runs`` (the pooled boxes, as the runs of other streets), ``solvation``, ``stages``,
        ``environment``, ``trail``, and ``missing``, sentences on what is not there.
    """
    part = POLYMER_STATIONS[str(node.process_label)]
    calls = calls_of(node)
    learning = node if part == "learning" else calls.get("learning")
    called = {"box": node} if part == "box" else {k: v for k, v in calls.items() if v.process_label == "BoxWorkChain"}
    recipe = input_of(node, "recipe")
    seeds = calls.get("clusters_label")
    fits = list(_fits(learning)) if learning else []
    boxes = [_box(name, one) for name, one in called.items()]
    given = [one for name, one in _inputs(node) if name.startswith("force_field")]
    runs = _runs(node, boxes, recipe)
    data: dict[str, Any] = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "process": describe_process(node),
        "part": part,
        "recipe": None if recipe is None else recipe.get_dict(),
        "theory": _theory(node, learning, seeds, given),
        "seeds": describe_labels(seeds),
        "given": {"dataset": "dataset" in node.inputs, "force_fields": [one.pk for one in given]},
        "rounds": describe_rounds(learning) if learning else [],
        "learning": describe_learning(learning),
        "fits": fits,
        "boxes": boxes,
        "runs": runs,
        "arrhenius": None,
        "solvation": _solvation(node, boxes),
        "stages": list(describe_stages(node, {"clusters_label": seeds, "learning": learning, **called})),
        "environment": describe_environment(node),
        "trail": _trail(runs, boxes, fits, learning),
    }
    wanted = input_of(node, "n_boxes")
    data["missing"] = list(_missing(data, None if wanted is None else wanted.value))
    return without_nodes(data)


def _inputs(node: orm.ProcessNode) -> list[tuple[str, orm.Node]]:
    from aiida.common.links import LinkType

    return [(link.link_label, link.node) for link in node.base.links.get_incoming(link_type=LinkType.INPUT_WORK).all()]


def _theory(
    node: orm.ProcessNode,
    learning: orm.ProcessNode | None,
    seeds: orm.ProcessNode | None,
    given: Sequence[orm.Node],
) -> dict[str, Any]:
    """Return the level of theory of the labels, how charges were told, and who made them."""
    dataset = next(
        (
            source
            for source in (
                None if learning is None else learning.inputs.dataset,
                node.inputs.dataset if "dataset" in node.inputs else None,
                seeds.outputs.frames if has_output(seeds, "frames") and seeds is not None else None,
            )
            if source is not None
        ),
        None,
    )
    labeller = input_of(learning or node, "labeller") or input_of(node, "learning__labeller")
    told = dataset.base.attributes.all if dataset is not None else {}
    levels = told.get("levels_of_theory") or sorted(
        {str(one.base.attributes.get("level_of_theory", None) or "unstated") for one in given}
    )
    methods = told.get("charge_methods") or sorted(
        {method for one in given for method in one.base.attributes.get("charge_methods", None) or []}
    )
    return {"levels": levels, "charge_methods": methods, "labeller": labeller.value if labeller is not None else None}


def _fits(learning: orm.ProcessNode) -> Iterator[dict[str, Any]]:
    """Yield each fit of the members, oldest first, with what they report."""
    for name, node in calls_of(learning).items():
        if not name.endswith("_train"):
            continue
        members = {
            label.removeprefix("train_"): _member(member)
            for label, member in calls_of(node).items()
            if label.startswith("train_")
        }
        yield {
            "round": int(name.split("_")[1]),
            "pk": node.pk,
            "n_frames": len(node.inputs.dataset),
            "seconds": seconds_of(node),
            "members": members,
        }


def _member(node: orm.ProcessNode) -> dict[str, Any]:
    results, potential = results_of(node), output_of(node, "potential")
    keys = ("errors", "n_parameters", "n_epochs", "seconds", "net_force_rms_kcal_mol_A")
    return {
        **{key: results.get(key) for key in keys},
        "pk": node.pk,
        "state": outcome_of(node),
        "settings": settings_of(node),
        "split": results.get("split", {}),
        "undetermined": results.get("undetermined", {}),
        "warnings": results.get("warnings", []),
        "potential_pk": None if potential is None else potential.pk,
    }


def _box(name: str, node: orm.ProcessNode) -> dict[str, Any]:
    """Return what is known of one box."""
    calls = calls_of(node)
    settling = [one for label, one in calls.items() if label.startswith("settle_")]
    build, production, reduction, solvation = (calls.get(step) for step in _BOX_STEPS)
    verdicts = functions_of(node, "judge_box")
    force_field = input_of(node, "force_field")
    thermo = output_of(settling[-1], "thermo") if settling else None
    produced = None if production is None else output_of(production, "thermo")
    curves = None if solvation is None else output_of(solvation, "curves")
    series = None if reduction is None else output_of(reduction, "series")
    return {
        "name": name,
        "pk": node.pk,
        "state": outcome_of(node),
        "seconds": seconds_of(node),
        "force_field_pk": None if force_field is None else force_field.pk,
        "built": {} if build is None else results_of(build),
        "equilibrium": verdicts[-1].outputs.result.get_dict()
        if verdicts and "result" in verdicts[-1].outputs
        else None,
        "settling": None if thermo is None else {"stages": settings_of(settling[-1])["stages"], **_arrays(thermo)},
        "n_settling_runs": len(settling),
        "production": {} if production is None else _production(production, produced),
        "reduction_pk": None if reduction is None else reduction.pk,
        "series": series if isinstance(series, SeriesData) else None,
        "series_pk": None if series is None else series.pk,
        "solvation": None if solvation is None else results_of(solvation),
        "solvation_state": None if solvation is None else describe_process(solvation),
        "curves": None if curves is None else _arrays(curves),
    }


def _arrays(node: orm.Data) -> dict[str, np.ndarray]:
    return {name: node.get_array(name) for name in node.get_arraynames()} if isinstance(node, orm.ArrayData) else {}


def _production(node: orm.ProcessNode, thermo: orm.Data | None) -> dict[str, Any]:
    """Return how long production ran, how fast, and the means of its records over what is no thermalisation."""
    results, settings = results_of(node), settings_of(node)
    stages = settings["stages"]
    lengths_ns = [stage["n_steps"] * stage["timestep_fs"] * 1e-6 for stage in stages]
    found: dict[str, Any] = {}
    records = {} if thermo is None else _arrays(thermo)
    if records:
        first = sum(stage["n_steps"] for stage in stages if not stage["is_production"])
        chosen = records["step"] >= first
        names = ("temperature_K", "pressure_bar", "density_g_cm3")
        found = {name: float(records[name][chosen].mean()) for name in names if name in records and chosen.any()}
    return {
        "pk": node.pk,
        "length_ns": sum(one for one, stage in zip(lengths_ns, stages, strict=True) if stage["is_production"]),
        "simulated_ns": results.get("simulated_ns"),
        "ns_per_day": results.get("ns_per_day"),
        "n_parts": len(results.get("trajectory", [])),
        "frame_ps": settings.get("dump_stride", 0) * stages[-1]["timestep_fs"] / 1000,
        "timestep_fs": stages[-1]["timestep_fs"],
        "lammps": results.get("lammps"),
        "means": found,
        "remote_pk": None if (folder := output_of(node, "remote_folder")) is None else folder.pk,
    }


def _runs(node: orm.ProcessNode, boxes: Sequence[Mapping[str, Any]], recipe: orm.Dict | None) -> list[dict[str, Any]]:
    """Return the boxes pooled as one run; nothing before a box has its displacements."""
    analyses, pooled = functions_of(node, "transport"), functions_of(node, "pool_series")
    series = pooled[-1].outputs.result if pooled and "result" in pooled[-1].outputs else None
    found = [one for box in boxes if box["series"] is not None for one in box["series"].get_series()]
    if series is not None:
        found = series.get_series()
    if not found or recipe is None:
        return []
    asked = read_recipe(recipe.get_dict())
    charges = next((box["built"]["charges"] for box in boxes if "charges" in box["built"]), {})
    result = analyses[-1].outputs.result if analyses and "result" in analyses[-1].outputs else None
    return [
        {
            "name": "boxes",
            "state": "ok" if result is not None else "not analysed",
            "settings": {"temperature_K": asked.temperature_K},
            "results": {},
            "transport": None if result is None else result.get_dict(),
            "result_pk": None if result is None else result.pk,
            "analysis_pk": analyses[-1].pk if analyses else None,
            "series_pk": None if series is None else series.pk,
            "charges": charges,
            **describe_series(found, charges),
        }
    ]


def _solvation(node: orm.ProcessNode, boxes: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the first shells: those of all boxes once they are pooled, before that of the first box that has them."""
    pooled = functions_of(node, "pool_solvation")
    if pooled and "result" in pooled[-1].outputs:
        return dict(pooled[-1].outputs.result.get_dict())
    return next(({"n_boxes": 1, **box["solvation"]} for box in boxes if box["curves"] is not None), None)


def _trail(
    runs: Sequence[Mapping[str, Any]],
    boxes: Sequence[Mapping[str, Any]],
    fits: Sequence[Mapping[str, Any]],
    learning: orm.ProcessNode | None,
) -> list[dict[str, Any]]:
    """Return the way from a conductivity back to the frames: what each node is, and its number."""
    trail = [
        step
        for run in runs
        for step in (
            {"what": "Conductivity, transference numbers", "kind": "Dict", "pk": run["result_pk"]},
            {"what": "Analysis of the displacements", "kind": "transport", "pk": run["analysis_pk"], "process": True},
            {"what": "Displacements of all boxes", "kind": "SeriesData", "pk": run["series_pk"]},
        )
    ]
    for box in boxes:
        name = f"box {box['name']}"
        trail += [
            {"what": f"Displacements, {name}", "kind": "SeriesData", "pk": box["series_pk"]},
            {"what": f"Trajectory, {name}", "kind": "RemoteData", "pk": box["production"].get("remote_pk")},
            {"what": f"Force field of {name}", "kind": "ForceFieldData", "pk": box["force_field_pk"]},
        ]
    if fits:
        trail.append(
            {"what": "Fit of the members", "kind": "TrainEnsembleWorkChain", "pk": fits[-1]["pk"], "process": True}
        )
    if learning is not None:
        found = describe_learning(learning) or {}
        trail.append({"what": f"{found['n_frames']} labelled frames", "kind": "FramesData", "pk": found["dataset_pk"]})
    return [step for step in trail if step["pk"] is not None]


def _missing(data: Mapping[str, Any], n_wanted: int | None) -> Iterator[str]:
    """Yield a sentence for each thing a reader would look for in vain."""
    yield from tell_state(data["process"])
    if data["part"] is None:
        if data["learning"] is None and not data["given"]["force_fields"]:
            yield "No force field has been fitted."
        if data["seeds"] is not None and data["seeds"]["refused"]:
            yield f"{len(data['seeds']['refused'])} of {data['seeds']['n_frames']} clusters have no label; see below."
    for fit in data["fits"]:
        for name, member in fit["members"].items():
            if member["state"] != "ok":
                yield f"Member {name} of round {fit['round']} was not fitted: {member['state']}."
    if data["part"] == "learning":
        return
    if not data["boxes"]:
        yield "No box has been built: there is no conductivity."
    for box in data["boxes"]:
        if box["state"] != "ok":
            yield f"Box {box['name']}: {box['state']}."
        if box["equilibrium"] and box["equilibrium"]["refused"]:
            yield f"Box {box['name']} has not settled: {box['equilibrium']['refused']}."
        if box["state"] == "ok" and box["curves"] is None:
            state = box["solvation_state"]
            yield f"Box {box['name']}: no solvation ({'not analysed' if state is None else state['exit_message']})."
    if n_wanted is not None and data["boxes"] and len(data["boxes"]) < n_wanted:
        yield f"{n_wanted - len(data['boxes'])} of {n_wanted} boxes have not begun."
    for run in data["runs"]:
        if run["transport"] is None and data["part"] is None:
            yield "The displacements have not been analysed yet."
