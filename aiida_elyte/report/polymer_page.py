"""The page of the polymer street: what was built, learned and run, what was found, what is missing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from aiida_elyte.api.headline import headline
from aiida_elyte.report.box_figures import settling_figure
from aiida_elyte.report.figures import draw_displacements
from aiida_elyte.report.learning_figures import draw_calibration, draw_selection
from aiida_elyte.report.page import common_view, describe_theory, embed, kind_of, mark_of
from aiida_elyte.report.quantities import (
    format_duration,
    format_estimate,
    format_interval,
    format_number,
    format_value,
)
from aiida_elyte.report.results import name_quantity, tabulate_results
from aiida_elyte.report.solvation_figures import draw_solvation
from aiida_elyte.report.transport_figures import draw_onsager
from aiida_elyte.report.verdicts import is_refused_by
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.statistics.estimate import result_from_dict
from aiida_elyte.science.verdict import Verdict, quantities_of

__all__ = ["view_polymer"]

_SIDES = ("train", "validation", "test")

_PAIRINGS = {
    "separated": "free or separated by solvent",
    "contact": "contact pairs (one cation)",
    "aggregate": "aggregates (two cations or more)",
}

_MAX_SHELLS = 8
"""Compositions of the first shell that are shown."""

_SHARE = re.compile(r"share ([\d.e-]+), but ")
"""How the reason begins where a share is known and its error is not."""

_LEAST_SHARE = 0.005
"""Compositions rarer than this are not shown [1]."""


def view_polymer(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template of the polymer street prints."""
    rows = _quantities(data)
    first = [row for row in rows if row["is_first"]]
    refused = [row for row in first if row["kind"] != "value"]
    return {
        **common_view(data),
        "title": data["recipe"]["name"] if data["recipe"] else f"{data['process']['label']} {data['process']['pk']}",
        "caveat": _caveat(data),
        "tested": "force fields and the boxes",
        "basis": [row for row in _basis(data) if row[1]],
        "quantities": [row if row in refused else {**row, "how": ""} for row in first],
        "refused": refused,
        "obtained": [row for row in first if row not in refused],
        "other_quantities": [row for row in rows if not row["is_first"]],
        "fits": _fit_table(data["fits"]),
        "fit_rounds": _fit_rounds(data["fits"]),
        "undetermined": _undetermined(data["fits"]),
        "fit_warnings": list(
            dict.fromkeys(
                said for fit in data["fits"][-1:] for one in fit["members"].values() for said in one["warnings"]
            )
        ),
        "boxes": [_box_row(box) for box in data["boxes"]],
        "productions": [_production_row(box) for box in data["boxes"] if box["production"]],
        "shells_mark": Verdict.from_dict(data["solvation"]).mark if data["solvation"] else "",
        "sites": _sites(data["solvation"]),
        "shells": _shells(data["solvation"]),
        "pairing": _pairing(data["solvation"]),
        "solvation_reasons": _solvation_reasons(data["solvation"]),
        "settlings": [
            {"name": box["name"], "figure": embed(f"settling-{box['name']}", settling_figure, _settling(box))}
            for box in data["boxes"]
            if box["settling"] and box["equilibrium"]
        ],
        "figures": {
            "displacements": embed("displacements", draw_displacements, data),
            "selection": embed("selection", draw_selection, data),
            "calibration": embed("calibration", draw_calibration, data),
            "solvation": embed("solvation", draw_solvation, data),
            "onsager": embed("onsager", _draw_matrix, data),
        },
    }


def _caveat(data: Mapping[str, Any]) -> str:
    """Return in a sentence what the numbers do not say, or why there are none."""
    if data["part"] == "learning":
        return "This is the learning of a force field alone; it gives no conductivity."
    if not data["runs"]:
        return "No box has given displacements yet, hence no conductivity."
    found = data["runs"][0]["transport"]
    if found is None:
        return "The displacements have not been analysed yet, hence no conductivity."
    conductivity = found["conductivity"]
    if is_refused_by(Verdict.from_dict(found), conductivity):
        return "No conductivity is stated: what was simulated may not be used; see what to do."
    if "refused" in conductivity:
        return f"No conductivity is stated: {conductivity['refused']}."
    n_boxes = sum(box["series_pk"] is not None for box in data["boxes"])
    if n_boxes == 1:
        return "The error bars are those of one box; another box, made anew, may differ by more."
    return f"The error bars come from {n_boxes} boxes that were built independently."


def _basis(data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield what the result stands on, name by name."""
    recipe = data["recipe"]
    if recipe:
        asked = read_recipe(recipe)
        if recipe.get("polymer"):
            polymer = recipe["polymer"]
            ends = ", ".join(f"{end} {polymer[end]}" for end in ("head", "tail") if end in polymer)
            yield "Polymer", f"{polymer['unit']}, {polymer['n_units']} units{f'; {ends}' if ends else ''}"
        for name, solvent in (recipe.get("solvents") or {}).items():
            yield f"Solvent {name}", solvent["smiles"]
        yield "Salt", _describe_salt(recipe.get("salt"))
        yield "Conditions", f"{asked.temperature_K:g} K, {asked.pressure_bar:g} bar"
    built = next((box["built"] for box in data["boxes"] if "amounts" in box["built"]), None)
    if built:
        yield "Each box", _describe_amounts(built["amounts"])
    theory = describe_theory(data["theory"]["levels"])
    yield "Level of theory", theory["text"] + (f": {theory['brief']}" if theory["brief"] else "")
    yield "Charges from", ", ".join(data["theory"]["charge_methods"]) or "no charges with the labels"
    yield "Labels made by", f"labeller “{data['theory']['labeller']}”" if data["theory"]["labeller"] else ""
    learning = data["learning"]
    if learning:
        yield "Labelled clusters", f"{learning['n_frames']} in all, {learning['n_given']} before the first round"
        yield "Learning ended", learning["reason"] or ""
    if data["given"]["force_fields"]:
        yield "Force fields", "given: " + ", ".join(f"node {pk}" for pk in data["given"]["force_fields"])
    if data["fits"]:
        members = data["fits"][-1]["members"]
        first = next(iter(members.values()), None)
        if first is not None:
            fit = ", ".join(f"{key} {value}" for key, value in first["settings"].get("fit", {}).items())
            yield "Force fields", f"{len(members)} members, {first['n_parameters'] or '—'} parameters each; {fit}"
    run = data["runs"][0] if data["runs"] else None
    if run:
        yield "Formal charges", ", ".join(f"{name} {value:+g} e" for name, value in run["charges"].items())


def _describe_salt(salt: Mapping[str, Any] | None) -> str:
    if not salt:
        return "none"
    name = salt.get("name") or f"{salt.get('cation')} {salt.get('anion')}"
    wanted = {"ratio": "cations per coordinating site", "molality_mol_kg": "mol/kg"}
    return ", ".join([name, *(f"{salt[key]:g} {text} asked for" for key, text in wanted.items() if salt.get(key))])


def _describe_amounts(amounts: Mapping[str, Any]) -> str:
    parts = [f"{amounts['n_chains']} chains"] if amounts["n_chains"] else []
    parts += [f"{number} {smiles}" for smiles, number in amounts["molecules"].items()]
    made = f"; {amounts['n_atoms']} atoms"
    if amounts["ratio"] is not None:
        made += f"; {format_number(amounts['ratio'])} cations per coordinating site ({amounts['n_sites']} sites)"
    if amounts["molality_mol_kg"] is not None:
        made += f"; {format_number(amounts['molality_mol_kg'])} mol/kg"
    return ", ".join(parts) + made


def _quantities(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every result of the pooled boxes, the headline first; a reason that was given is not given again."""
    rows: list[dict[str, Any]] = []
    told: dict[str, str] = {}
    found = {row["quantity"]: row for row in tabulate_results(data)}
    first_names = headline(found)
    for row in ({**first_names, **found}).values():
        name = name_quantity(row["quantity"])
        how = row["refused"] if "refused" in row else row["method"]
        first = told.setdefault(how, name) if "refused" in row else name
        shown = row.get("upper_bound") if "refused" in row else row
        rows.append(
            {
                "name": name,
                "is_first": row["quantity"] in first_names,
                "value": format_estimate(row, with_interval=False),
                "kind": kind_of(row),
                "mark": mark_of(row),
                "interval": "" if "refused" in row else format_interval(row["ci95"]),
                "n": f"{shown['n_effective']:.0f}" if shown else "",
                "how": how if first == name else f"as {first}",
            }
        )
    return rows


def _fit_table(fits: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return force errors of the last fit, one row a system, mean over the members, on each side of the split."""
    if not fits:
        return None
    members = [one for one in fits[-1]["members"].values() if one["errors"]]
    sides = [side for side in _SIDES if any(side in one["errors"] for one in members)]
    if not sides:
        return None
    names = sorted({name for one in members for side in one["errors"].values() for name in side["systems"]})
    rows = [
        {"name": name, "cells": [_cell([_at(one, side, name) for one in members]) for side in sides]} for name in names
    ]
    overall = [_cell([one["errors"][side]["overall"] for one in members if side in one["errors"]]) for side in sides]
    return {"sides": sides, "rows": [*rows, {"name": "all", "cells": overall}], "n_members": len(members)}


def _at(member: Mapping[str, Any], side: str, system: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = member["errors"].get(side, {}).get("systems", {}).get(system)
    return found


def _cell(found: Sequence[Mapping[str, Any] | None]) -> dict[str, str]:
    known = [one for one in found if one is not None]
    if not known:
        return {"rmse": "—", "mae": "—", "n": "0"}
    return {
        "rmse": _mean([one["force_rmse_kcal_mol_A"] for one in known]),
        "mae": _mean([one["force_mae_kcal_mol_A"] for one in known]),
        "n": " / ".join(dict.fromkeys(str(one["n_frames"]) for one in known)),
    }


def _mean(values: Sequence[float]) -> str:
    """Return the mean over members with its spread where there are several."""
    mean = float(np.mean(values))
    return f"{mean:.2f}" if len(values) < 2 else f"{mean:.2f} ± {float(np.std(values, ddof=1)):.2f}"


def _fit_rounds(fits: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return how the errors went from fit to fit."""
    rows = []
    for fit in fits:
        members = [one for one in fit["members"].values() if one["errors"]]
        row = {"name": "first fit" if fit["round"] == 0 else f"round {fit['round']}", "n_frames": str(fit["n_frames"])}
        for side in _SIDES:
            found = [
                one["errors"][side]["overall"]["force_rmse_kcal_mol_A"] for one in members if side in one["errors"]
            ]
            row[side] = _mean(found) if found else "—"
        rows.append({**row, "seconds": format_duration(fit["seconds"])})
    return rows


def _undetermined(fits: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the parameters that some member's data do not determine, and in how many members."""
    if not fits:
        return []
    members = [one for one in fits[-1]["members"].values() if one["errors"]]
    found: dict[str, list[float]] = {}
    for member in members:
        for name, width in member["undetermined"].items():
            found.setdefault(name, []).append(float(width))
    return [
        {"name": name, "members": f"{len(widths)} of {len(members)}", "width": f"{100 * np.mean(widths):.0f} %"}
        for name, widths in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _box_row(box: Mapping[str, Any]) -> dict[str, str]:
    equilibrium = box["equilibrium"]
    means = {} if equilibrium is None else equilibrium["means"]
    said = "not judged yet" if equilibrium is None else equilibrium["refused"] or "settled"
    return {
        "name": box["name"],
        "pk": str(box["pk"]),
        "force_field": str(box["force_field_pk"] or "—"),
        "said": said,
        "kind": "good" if said == "settled" else "open" if equilibrium is None else "bad",
        "runs": str(box["n_settling_runs"]),
        "density": _mean_of(means, "density_g_cm3", "g/cm³"),
        "pressure": _mean_of(means, "pressure_bar", "bar"),
        "temperature": _mean_of(means, "temperature_K", "K"),
        "ends": "—" if equilibrium is None else f"{format_number(equilibrium['ends_ps'])} ps",
        "seconds": format_duration(box["seconds"]),
    }


def _mean_of(means: Mapping[str, Any], name: str, unit: str) -> str:
    return format_value(means[name]["value"], means[name]["std"], unit) if name in means else "—"


def _production_row(box: Mapping[str, Any]) -> dict[str, str]:
    run = box["production"]
    means = run["means"]
    return {
        "name": box["name"],
        "pk": str(run["pk"]),
        "length": f"{format_number(run['length_ns'])} ns",
        "frame": f"{format_number(run['frame_ps'])} ps",
        "timestep": f"{run['timestep_fs']:g} fs",
        "parts": str(run["n_parts"]),
        "temperature": f"{means['temperature_K']:.1f} K" if "temperature_K" in means else "—",
        "pressure": f"{means['pressure_bar']:.0f} bar" if "pressure_bar" in means else "—",
        "speed": "—" if run["ns_per_day"] is None else f"{run['ns_per_day']:.1f}",
        "lammps": run["lammps"] or "—",
    }


def _settling(box: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``settling_figure`` draws."""
    verdict, records = box["equilibrium"], dict(box["settling"])
    timestep_fs = records.pop("stages")[-1]["timestep_fs"]
    time_ps = np.asarray(records["step"]) * timestep_fs / 1000
    return {
        "records": {**records, "time_ps": time_ps, "settle_from_ps": verdict["settle_ps"]},
        "begins_ps": verdict["begins_ps"],
        "means": {name: (one["value"], one["std"]) for name, one in verdict["means"].items()},
        "refused": verdict["refused"],
    }


def _draw_matrix(data: Mapping[str, Any]) -> Any:
    """Draw the matrix of Onsager coefficients of the ions."""
    if not data["runs"] or data["runs"][0]["transport"] is None:
        return None
    run = data["runs"][0]
    quantities = {name: result_from_dict(one) for name, one in quantities_of(run["transport"]).items()}
    mark = Verdict.from_dict(run["transport"]).mark
    return draw_onsager({"carriers": list(run["charges"]), "quantities": quantities, "mark": mark})


def _sites(solvation: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return what coordinates the cations, one row a site."""
    if not solvation:
        return []
    rows = [
        {
            "name": name,
            "peak": _distance(site["first_peak_A"]),
            "minimum": _distance(site["first_minimum_A"]),
            **{key: format_estimate(site[key]) for key in ("coordination", "molecules")},
            **{key: _time(site[key]) for key in ("stay", "memory")},
        }
        for name, site in solvation["sites"].items()
    ]
    if solvation["total"] and len(rows) > 1:
        empty = dict.fromkeys(("peak", "minimum", "molecules", "stay", "memory"), "")
        rows.append({"name": "all", **empty, "coordination": format_estimate(solvation["total"])})
    return rows


def _distance(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f} Å"


def _time(found: Mapping[str, Any]) -> str:
    """Return a time in ps or ns."""
    if "refused" in found:
        return "refused"
    scale, unit = (1e-6, "ns") if found["value"] >= 1e6 else (1e-3, "ps")
    return format_estimate(
        {**found, **{key: scale * found[key] for key in ("value", "std")}, "unit": unit}
        | {"ci95": [scale * edge for edge in found["ci95"]]}
    )


def _shells(solvation: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return the most frequent compositions of the first shell."""
    if not solvation:
        return []
    shown = [one for one in solvation["shells"] if one["share"].get("value", 1.0) >= _LEAST_SHARE]
    return [
        {
            "name": ", ".join(f"{number} {site}" for site, number in one["numbers"].items() if number) or "empty",
            "share": _share(one["share"]),
        }
        for one in shown[:_MAX_SHELLS]
    ]


def _share(found: Mapping[str, Any]) -> str:
    if "refused" in found:
        known = _SHARE.match(found["refused"])
        return f"{100 * float(known.group(1)):.2g} %, without error bar" if known else "refused"
    return format_value(100 * found["value"], 100 * found["std"], "%")


def _pairing(solvation: Mapping[str, Any] | None) -> list[dict[str, str]]:
    if not solvation or not solvation["pairing"]:
        return []
    return [{"name": _PAIRINGS[key], "share": _share(found)} for key, found in solvation["pairing"].items()]


def _solvation_reasons(solvation: Mapping[str, Any] | None) -> list[str]:
    """Return why numbers of the first shells were refused, each reason once."""
    if not solvation:
        return []
    found = [
        f"{name}, {key}: {site[key]['refused']}"
        for name, site in solvation["sites"].items()
        for key in ("coordination", "molecules", "stay", "memory")
        if "refused" in site[key]
    ]
    found += [f"{name}: {one['refused']}" for name, one in (solvation["pairing"] or {}).items() if "refused" in one]
    return list(dict.fromkeys(found))
