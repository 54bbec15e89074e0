"""One self-contained page: what was found, what it stands on, how to get back to every node."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.report.figures import FIGURES
from aiida_elyte.report.quantities import format_duration, format_estimate, format_interval, format_number, format_value
from aiida_elyte.report.results import name_quantity, tabulate_results
from aiida_elyte.report.style import BLUE, INK, RULE, draw

__all__ = ["write_html"]

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

_SPLITS = {
    "given": "on a validation set given apart from the training set",
    "block": "on whole blocks (trajectories or seeds) that the training did not see",
    "segment": "on contiguous segments of the training trajectories, which flatters somewhat",
    "frame": "on shuffled frames of the training trajectories, which flatters",
}
_PAGE_COLOURS = {INK: "currentColor", RULE: "var(--rule)", "#ffffff": "var(--paper)", BLUE: "var(--blue)"}
"""Colours of a figure that follow the page, light or dark."""

_ENSEMBLES = {
    "nve": "NVE",
    "nvt_langevin": "NVT, Langevin",
    "nvt_nose_hoover": "NVT, Nosé–Hoover chain",
    "npt_nose_hoover": "NPT, Nosé–Hoover chain",
}


def write_html(data: Mapping[str, Any], path: str | Path) -> None:
    """Write the report.

    Parameters
    ----------
    data
        What ``collect`` returned.
    path
        File to write; it needs nothing beside it and no network.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("aiida_elyte.report", "."),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    Path(path).write_text(environment.get_template("template.html").render(_view(data)), encoding="utf-8")


def _view(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template prints."""
    return {
        "data": data,
        "title": _title(data),
        "state": _state(data["process"]),
        "theory": _theory(data["theory"]["levels"]),
        "front": _front(data),
        "verdict": _verdict(data),
        "results": _results_table(data),
        "details": _details_table(data),
        "reasons": _reasons(data),
        "basis": [row for row in _basis(data) if row[1]],
        "rounds": _rounds_table(data),
        "errors": _errors_table(data),
        "runs": _runs_table(data),
        "stages": [_stage_row(stage) for stage in data["stages"]],
        "figures": {name: _embed(name, data) for name in FIGURES},
        "reuse": _reuse(data["training"]),
        "begun": data["process"]["begun"][:16].replace("T", " "),
        "made": data["made"][:16].replace("T", " "),
        "duration": format_duration(data["process"]["seconds"]),
    }


def _title(data: Mapping[str, Any]) -> str:
    if data["material"] is None:
        return f"{data['process']['label']} {data['process']['pk']}"
    return data["material"]["reduced_formula"].translate(_SUBSCRIPTS)


def _state(process: Mapping[str, Any]) -> tuple[str, str]:
    """Return the state of a process and its class of colour."""
    if not process["finished"]:
        return f"{process['state']}, not finished", "open"
    if process["ok"]:
        return "finished", "good"
    return f"{process['state']}, exit status {process['exit_status']}" if process["exit_status"] else process[
        "state"
    ], "bad"


def _theory(levels: Sequence[str]) -> dict[str, str]:
    """Return the level of theory, and the sentence a reader of semi-empirical numbers needs."""
    text = "; ".join(levels) or "unstated"
    method = re.search(r"[\w-]*xTB", text, re.IGNORECASE)
    if method is None:
        return {"text": text, "caution": ""}
    caution = (
        f"{method.group()} is a semi-empirical tight-binding method. It is not density-functional theory (DFT): "
        "these numbers are not of DFT accuracy, whatever their error bars, which hold sampling and model errors only."
    )
    return {"text": text, "caution": caution}


def _front(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the headline numbers: σ at each temperature, activation energy and σ(300 K)."""
    lines = []
    for run in data["runs"]:
        found = (run["transport"] or {}).get("conductivity")
        haven = (run["transport"] or {}).get("haven_ratio")
        note = "no result" if found is None else _note(found)
        if haven and "refused" not in haven:
            note = f"{note}; Haven ratio {format_estimate(haven)}"
        label = f"σ({run['settings']['temperature_K']:g} K)"
        lines.append(
            {"label": label, "value": format_estimate(found, with_interval=False), "note": note, "kind": _kind(found)}
        )
    for name, found in (data["arrhenius"] or {}).items():
        if name != "prefactor" and "refused" not in found:
            label = (
                "Eₐ" if name == "activation_energy" else f"σ({name.removeprefix('conductivity_').removesuffix('K')} K)"
            )
            note = _note(found) + ("" if name == "activation_energy" else "; extrapolated")
            lines.append(
                {"label": label, "value": format_estimate(found, with_interval=False), "note": note, "kind": "fit"}
            )
    return lines


def _kind(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "none"
    return "bound" if "refused" in found else "value"


def _note(found: Mapping[str, Any]) -> str:
    if "refused" in found:
        return "95 % upper bound" if found["upper_bound"] else "no bound either"
    return f"95 %: {format_interval(found['ci95'], found['unit'])}"


def _verdict(data: Mapping[str, Any]) -> str:
    """Return in a sentence what may be said and what may not."""
    stated = [run for run in data["runs"] if "value" in (run["transport"] or {}).get("conductivity", {})]
    if not data["runs"]:
        return "There is no production run yet, hence no conductivity."
    if not stated:
        return "No conductivity is stated: no diffusion was resolved in the time simulated; see the notes."
    fit = data["arrhenius"] or {}
    refused = next((one["refused"] for one in fit.values() if "refused" in one), None)
    if refused:
        return f"No activation energy and no conductivity at 300 K: {refused}."
    if not fit:
        return "No Arrhenius fit has been made yet."
    kelvins = [run["settings"]["temperature_K"] for run in stated]
    return (
        f"The conductivity at 300 K is extrapolated from {min(kelvins):g} – {max(kelvins):g} K "
        "and holds only if nothing changes in between: no transition, no other mechanism."
    )


def _results_table(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the results, one row a temperature, one column a quantity, with notes on refusals."""
    found: dict[float, dict[str, Any]] = {}
    for row in tabulate_results(data):
        if row["temperature_K"] is not None:
            found.setdefault(row["temperature_K"], {})[row["quantity"]] = row
    if not found:
        return None
    quantities = list(dict.fromkeys(name for row in found.values() for name in row))
    rows = [
        {"temperature": f"{kelvin:g} K", "cells": [_cell(row.get(name), _reasons(data)) for name in quantities]}
        for kelvin, row in found.items()
    ]
    return {"quantities": [name_quantity(name) for name in quantities], "rows": rows}


def _cell(estimate: Mapping[str, Any] | None, notes: Sequence[str]) -> dict[str, Any]:
    refused = estimate.get("refused") if estimate else None
    note = next((index for index, reason in enumerate(notes, start=1) if refused and refused in reason), None)
    return {"value": format_estimate(estimate), "note": note, "kind": _kind(estimate)}


def _details_table(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return how each number and bound was obtained."""
    rows, last = [], ""
    for row in tabulate_results(data):
        shown = row.get("upper_bound") if "refused" in row else row
        if not shown:
            continue
        kelvin = f"{row['temperature_K']:g} K" if row["temperature_K"] is not None else "all"
        rows.append(
            {
                "temperature": kelvin if kelvin != last else "",
                "quantity": name_quantity(row["quantity"]),
                "interval": "" if "refused" in row else format_interval(row["ci95"], row["unit"]),
                "n": f"{shown['n_effective']:.0f}",
                "window": _window(shown["window"]),
                "method": shown["method"],
            }
        )
        last = kelvin
    return rows


def _window(window: Sequence[float] | None) -> str:
    if not window:
        return ""
    start, end = (format_number(time / 1e3) for time in window)
    return f"{start} ps" if start == end else f"{start} – {end} ps"


def _reasons(data: Mapping[str, Any]) -> list[str]:
    """Return why numbers were refused, each reason once; one that another repeats in full is left out."""
    found = list(dict.fromkeys(row["refused"] for row in tabulate_results(data) if "refused" in row))
    return [reason for reason in found if not any(reason in other and reason != other for other in found)]


def _basis(data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield what the result stands on, name by name."""
    material = data["material"]
    if material:
        a, b, c, alpha, beta, gamma = material["cell_A_deg"]
        yield (
            "Material",
            f"{material['formula'].translate(_SUBSCRIPTS)}, {material['n_atoms']} atoms, {material['space_group']}",
        )
        angles = f"{alpha:.2f}°, {beta:.2f}°, {gamma:.2f}°"
        volume = f"{material['volume_A3']:.1f} Å³, {material['density_g_cm3']:.2f} g/cm³"
        yield "Cell", f"{a:.3f} × {b:.3f} × {c:.3f} Å; {angles}; {volume}"
        yield "Structure from", material["citation"] or material["description"] or "no source given with the structure"
    theory = _theory(data["theory"]["levels"])
    yield "Level of theory", theory["text"] + (": semi-empirical, not DFT" if theory["caution"] else "")
    yield "Labels made by", f"labeller “{data['theory']['labeller']}”" if data["theory"]["labeller"] else ""
    learning = data["learning"]
    if learning:
        yield "Labelled frames", f"{learning['n_frames']} in all, {learning['n_given']} before the first round"
        if learning["reason"]:
            yield "Learning ended", f"{learning['reason']}"
    if data["training"]:
        yield "Potentials", _describe_ensemble(data["training"][-1])
        yield "Force error", _describe_error(data)
    if data["runs"]:
        settings = data["runs"][0]["settings"]
        yield (
            "Dynamics",
            f"{_thermostat(settings)}; time step {settings['timestep_fs']:g} fs{_supercell(settings, material)}",
        )
    charges = ", ".join(f"{name} {value:+g} e" for name, value in data["charges"].items())
    yield "Charges", f"{charges}; all other species are the neutralising framework, at rest" if charges else ""


def _describe_ensemble(training: Mapping[str, Any]) -> str:
    members = training["members"]
    first = next(iter(members.values()), None)
    if first is None:
        return "no member yet"
    parts = [f"{len(members)} members"]
    architecture = first["settings"].get("architecture")
    if architecture:
        parts.append(", ".join(f"{name} {value}" for name, value in architecture.items()))
    if first["n_parameters"]:
        parts.append(f"{first['n_parameters']} parameters each")
    epochs = [str(member["n_epochs"]) for member in members.values() if member["n_epochs"] is not None]
    seeds = ", ".join(str(member["settings"].get("seed", "—")) for member in members.values())
    return "; ".join([*parts, f"seeds {seeds}", f"epochs {', '.join(epochs) or '—'}"])


def _describe_error(data: Mapping[str, Any]) -> str:
    side = data["parity"].get("validation")
    if side is None:
        return "not known yet"
    kinds = {member["split"].get("by", "") for member in data["training"][-1]["members"].values()}
    mean = f"mean of {side['n_averaged']} members" if side["n_averaged"] > 1 else "each member"
    where = " and ".join(_SPLITS.get(kind, f"split {kind!r}") for kind in sorted(kinds) if kind)
    mae, rmse = 1000 * side["force_mae_eV_A"], 1000 * side["force_rmse_eV_A"]
    return f"MAE {mae:.1f} meV/Å, RMSE {rmse:.1f} meV/Å; {mean} {where}{_reuse(data['training'])}"


def _reuse(training: Sequence[Mapping[str, Any]]) -> str:
    """Return the warning that validation frames were trained on before a warm start, if they were."""
    if not training:
        return ""
    members = training[-1]["members"].values()
    seen = sum(member["n_validation_seen"] for member in members)
    total = sum(member["split"].get("n_validation", 0) for member in members)
    if not seen:
        return ""
    return f". Of these {total} validation frames {seen} had been trained on before the warm start: the error flatters"


def _thermostat(settings: Mapping[str, Any]) -> str:
    ensemble = settings.get("ensemble", "nvt_langevin")
    name = _ENSEMBLES.get(ensemble, ensemble)
    if ensemble == "nvt_langevin":
        return f"{name}, friction {settings['friction_per_ps']:g} /ps"
    times = [
        f"{key.split('_')[0]} time {settings[key]:g} fs"
        for key in ("thermostat_time_fs", "barostat_time_fs")
        if key in settings
    ]
    pressure = (
        [f"{settings['pressure_GPa']:g} GPa"] if ensemble.startswith("npt") and "pressure_GPa" in settings else []
    )
    return ", ".join([name, *times, *pressure])


def _supercell(settings: Mapping[str, Any], material: Mapping[str, Any] | None) -> str:
    repeats = settings.get("supercell") or [1, 1, 1]
    atoms = f", {material['n_atoms'] * int(np.prod(repeats))} atoms" if material else ""
    return f"; supercell {' × '.join(map(str, repeats))}{atoms}"


def _rounds_table(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the labels of the seeds and of each round."""
    rows = []
    seeds, learning = data["seeds"], data["learning"]
    if seeds:
        rows.append(
            {
                "name": "seeds",
                "sampled": seeds["n_frames"],
                "unphysical": "",
                "uncertain": "",
                "selected": seeds["n_frames"],
                "labelled": seeds["n_labelled"],
                "refused": _count_reasons(seeds["refused"]),
                "stops": "",
                "total": seeds["n_labelled"],
            }
        )
    elif learning:
        rows.append(
            {
                "name": "given data set",
                "sampled": "",
                "unphysical": "",
                "uncertain": "",
                "selected": "",
                "labelled": learning["n_given"],
                "refused": "",
                "stops": "",
                "total": learning["n_given"],
            }
        )
    for one in data["rounds"]:
        share = 100 * one["n_uncertain"] / one["n_sampled"] if one["n_sampled"] else 0
        kelvin = f" ({one['temperature_K']:g} K)" if one["temperature_K"] else ""
        stops = Counter(stop["kind"].lower() for stop in one["stops"].values())
        rows.append(
            {
                "name": f"round {one['number']}{kelvin}",
                "sampled": one["n_sampled"],
                "unphysical": _count_reasons(one["refused"]),
                "uncertain": f"{one['n_uncertain']} ({share:.0f} %)",
                "selected": one["n_selected"],
                "labelled": one["n_labelled"],
                "refused": _count_reasons(one["labels_refused"]),
                "stops": ", ".join(f"{count} {kind}" for kind, count in stops.items()),
                "total": one["n_frames_before"] + one["n_labelled"],
            }
        )
    return rows


def _count_reasons(refused: Mapping[str, str]) -> str:
    """Return how many were refused for which reason: the part before the numbers, an example where it has them."""
    if not refused:
        return "0"
    kinds: dict[str, list[str]] = {}
    for reason in refused.values():
        kinds.setdefault(str(reason).split(":")[0], []).append(str(reason))
    return "; ".join(
        f"{len(found)} {found[0] if len(set(found)) == 1 else f'{kind} (e.g. {found[0]})'}"
        for kind, found in kinds.items()
    )


def _errors_table(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the validation errors of the last ensemble, member by member and element by element."""
    if not data["training"]:
        return None
    members = {name: one for name, one in data["training"][-1]["members"].items() if one["errors"].get("validation")}
    if not members:
        return None
    elements = sorted(
        {element for one in members.values() for element in one["errors"]["validation"].get("by_element", {})}
    )
    rows = []
    for name, one in members.items():
        validation, train = one["errors"]["validation"], one["errors"].get("train", {})
        by_element = validation.get("by_element", {})
        rows.append(
            {
                "name": name,
                "split": f"{one['split'].get('n_train', '—')} / {one['split'].get('n_validation', '—')}",
                "train": _milli(train.get("force_mae_eV_A")),
                "validation": _milli(validation.get("force_mae_eV_A")),
                "rmse": _milli(validation.get("force_rmse_eV_A")),
                "energy": _milli(validation.get("energy_mae_eV_atom"), 2),
                "elements": [_milli(by_element.get(element, {}).get("force_mae_eV_A")) for element in elements],
                "epochs": one["n_epochs"],
                "seconds": format_duration(one["seconds"]),
            }
        )
    warnings = list(dict.fromkeys(warning for one in members.values() for warning in one["warnings"]))
    return {"elements": elements, "rows": rows, "warnings": warnings}


def _milli(value: float | None, decimals: int = 1) -> str:
    return "—" if value is None else f"{1000 * value:.{decimals}f}"


def _runs_table(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what was simulated at each temperature."""
    rows = []
    for run in data["runs"]:
        settings, results = run["settings"], run["results"]
        steps = list(results.get("n_steps_done", {}).values())
        lengths = [1e-3 * count * settings["timestep_fs"] for count in steps]
        replicas = settings.get("replicas", [])
        rows.append(
            {
                "temperature": f"{settings['temperature_K']:g} K",
                "replicas": str(len(replicas)),
                "length": _range(lengths, "ps") if lengths else "—",
                "total": f"{format_number(sum(lengths))} ps" if lengths else "—",
                "measured": _kinetic(results.get("temperature_K", {})),
                "seeds": ", ".join(f"{one['seed']} ({one['member']})" for one in replicas),
                "stops": "; ".join(
                    f"{name}: {stop['kind'].lower()}, step {stop['step']}"
                    for name, stop in results.get("stops", {}).items()
                )
                or "none",
                "speed": f"{results['atom_steps_per_second']:.0f}" if results.get("atom_steps_per_second") else "—",
                "device": results.get("device", "—"),
                "seconds": format_duration(run["seconds"]),
                "pk": str(run["pk"]),
            }
        )
    return rows


def _range(values: Sequence[float], unit: str) -> str:
    low, high = format_number(min(values)), format_number(max(values))
    return f"{low} {unit}" if low == high else f"{low} – {high} {unit}"


def _kinetic(temperatures: Mapping[str, Mapping[str, float] | None]) -> str:
    """Return the mean kinetic temperature over the replicas with its standard error."""
    found = [one for one in temperatures.values() if one]
    if not found:
        return "—"
    mean = float(np.mean([one["mean"] for one in found]))
    errors = [one.get("std_err") for one in found]
    if None in errors:
        return f"{mean:.0f} K"
    return format_value(mean, float(np.sqrt(np.sum(np.square(errors)))) / len(found), "K")


def _stage_row(stage: Mapping[str, Any]) -> dict[str, Any]:
    state, colour = _state(stage)
    return {
        "name": _name_stage(stage["stage"]),
        "level": stage["level"],
        "process": stage["label"],
        "pk": stage["pk"],
        "state": state,
        "colour": colour,
        "message": stage["exit_message"] or "",
        "seconds": format_duration(stage["seconds"]),
    }


def _name_stage(label: str) -> str:
    """Return what a reader calls a stage: ``round_01_sample`` → ``round 1, sample``."""
    if label == "seeds_label":
        return "labels of the seeds"
    if label == "learning":
        return "active learning"
    round_of = re.fullmatch(r"round_(\d+)_(\w+)", label)
    if round_of:
        number, step = int(round_of.group(1)), round_of.group(2)
        return "first training" if (number, step) == (0, "train") else f"round {number}, {step}"
    run_of = re.fullmatch(r"md_T(\d+)_(\d+)", label)
    if run_of:
        return f"molecular dynamics at {float('.'.join(run_of.groups())):g} K"
    return label.replace("_", " ")


def _embed(name: str, data: Mapping[str, Any]) -> Any:
    """Return a figure as SVG for the middle of a page: it takes the page's colours, and its names are its own."""
    from markupsafe import Markup

    drawn = draw(FIGURES[name], data)
    if drawn is None:
        return None
    svg = drawn.decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for before, after in _PAGE_COLOURS.items():
        svg = svg.replace(before, after)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font-size: \1px", svg)
    width = float(re.search(r'width="([\d.]+)pt"', svg).group(1))  # type: ignore[union-attr]
    head = f'<svg role="img" class="figure" style="max-width:{1.6 * width:.0f}px"'
    svg = re.sub(r'^<svg([^>]*?) width="[^"]+"', rf"{head}\1", svg, count=1)
    svg = re.sub(r'^(<svg[^>]*?) height="[^"]+"', r"\1", svg, count=1)
    return Markup(svg)
