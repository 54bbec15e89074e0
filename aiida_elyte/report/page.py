"""What the pages of all streets have in common: state, numbers with errors and refusals, rounds, stages, figures."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.files import write_files
from aiida_elyte.api.headline import headline
from aiida_elyte.provenance.names import CLUSTER_LABELS, LEARNING, QUALIFICATION, SEED_LABELS, Call, parse_call
from aiida_elyte.report.frame_map import draw_map
from aiida_elyte.report.quantities import (
    format_duration,
    format_errors,
    format_estimate,
    format_interval,
    format_number,
)
from aiida_elyte.report.results import name_quantity, tabulate_results
from aiida_elyte.report.style import BLUE, INK, RULE, draw
from aiida_elyte.report.verdicts import (
    describe_conditions,
    describe_tests,
    is_refused_by,
    list_issues,
    state_verdicts,
    verdicts_of,
)
from aiida_elyte.science.verdict import Verdict, quantities_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["common_view", "describe_theory", "embed", "kind_of", "mark_of", "render"]

_PAGE_COLOURS = {INK: "currentColor", RULE: "var(--rule)", "#ffffff": "var(--paper)", BLUE: "var(--blue)"}
"""Colours of a figure that follow the page, light or dark."""


def render(template: str, view: Mapping[str, Any], path: str | Path) -> None:
    """Write a page of a template in this folder; it needs nothing beside it and no network."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("aiida_elyte.report", "."),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    write_files({Path(path): environment.get_template(template).render(view)})


def common_view(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every page prints of what ``collect`` returned."""
    return {
        "data": data,
        "state": _state_of(data["process"]),
        "theory": describe_theory(data["theory"]["levels"]),
        "verdicts": state_verdicts((where, verdict) for where, verdict, _ in verdicts_of(data)),
        "issues": list_issues(data),
        "tests": describe_tests(data["qualification"]),
        "tested_at": describe_conditions(data["qualification"]),
        "front": _headline(data),
        "results": _results_table(data, headline),
        "others": _results_table(data, _others),
        "fit_reasons": _reasons(row for row in tabulate_results(data) if row["temperature_K"] is None),
        "details": _details_table(data),
        "rounds": _rounds_table(data),
        "map": draw_map(data["map"]),
        "stages": [_stage_row(stage) for stage in data["stages"]],
        "begun": data["process"]["begun"][:16].replace("T", " "),
        "made": data["made"][:16].replace("T", " "),
        "duration": format_duration(data["process"]["seconds"]),
    }


def _state_of(process: Mapping[str, Any]) -> tuple[str, str]:
    """Return the state of a process and its class of colour."""
    if not process["finished"]:
        return f"{process['state']}, not finished", "open"
    if process["ok"]:
        return "finished", "good"
    return f"{process['state']}, exit status {process['exit_status']}" if process["exit_status"] else process[
        "state"
    ], "bad"


def describe_theory(levels: Sequence[str]) -> dict[str, str]:
    """Return the level of theory; for labels that are not DFT the sentence a reader needs, and the same in brief."""
    text = "; ".join(levels) or "unstated"
    if re.search(r"\bteacher: ", text):
        kind, brief = "A trained potential, a teacher, stood in for the engine that labels", "of a teacher"
    elif "not DFT" in text:
        kind, brief = "This is a universal potential, trained elsewhere on other materials", "universal potential"
    elif method := re.search(r"[\w-]*xTB", text, re.IGNORECASE):
        kind, brief = f"{method.group()} is a semi-empirical tight-binding method", "semi-empirical"
    else:
        return {"text": text, "caution": "", "brief": ""}
    caution = (
        f"{kind}. It is not density-functional theory (DFT): these numbers are not of DFT accuracy, whatever their "
        "error bars, which hold sampling and model errors only."
    )
    return {"text": text, "caution": caution, "brief": f"{brief}, not DFT"}


def _headline(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the headline numbers, each with the mark of its verdict: σ at each temperature, Eₐ and σ(300 K)."""
    lines = []
    for run in data["runs"]:
        transport = run["transport"] or {}
        label = f"σ({run['settings']['temperature_K']:g} K)"
        line = _line(label, transport.get("conductivity"), Verdict.from_dict(transport))
        haven = transport.get("haven_ratio", {})
        if "value" in haven:
            line["note"] += f"; Haven ratio {format_estimate(haven)}"
        lines.append(line)
    law = data["arrhenius"] or {}
    for name, found in quantities_of(law).items():
        if name != "prefactor" and "refused" not in found:
            is_energy = name == "activation_energy"
            label = "Eₐ" if is_energy else f"σ({name.removeprefix('conductivity_').removesuffix('K')} K)"
            line = _line(label, found, Verdict.from_dict(law))
            lines.append({**line, "note": line["note"] + ("" if is_energy else "; extrapolated"), "kind": "fit"})
    return lines


def _line(label: str, found: Mapping[str, Any] | None, verdict: Verdict) -> dict[str, str]:
    """Return one number of the headline; where the verdict refuses it, the verdict takes its place."""
    line = {"label": label, "mark": "", "kind": kind_of(found)}
    if found is None:
        return {**line, "value": "—", "note": "no result"}
    if is_refused_by(verdict, found):
        return {**line, "kind": "none", "value": verdict.status, "note": "; ".join(verdict.reasons)}
    return {**line, "value": format_estimate(found, with_interval=False), "note": _note(found), "mark": verdict.mark}


def kind_of(found: Mapping[str, Any] | None) -> str:
    """Return how a result is shown: as a value, a bound, or nothing."""
    if found is None:
        return "none"
    return "bound" if "refused" in found else "value"


def _note(found: Mapping[str, Any]) -> str:
    if "refused" in found:
        return "95 % upper bound" if found["upper_bound"] else "no bound either"
    return f"95 %: {format_interval(found['ci95'], found['unit'])}"


def _results_table(
    data: Mapping[str, Any], choose: Callable[[Mapping[str, Any]], Iterable[str]]
) -> dict[str, Any] | None:
    """Return results, one row a temperature, one column a quantity, with notes on refusals.

    Parameters
    ----------
    data
        What ``collect`` returned.
    choose
        Returns which quantities of a temperature are shown, in order.
    """
    found: dict[float, dict[str, Any]] = {}
    for row in tabulate_results(data):
        if row["temperature_K"] is not None:
            found.setdefault(row["temperature_K"], {})[row["quantity"]] = row
    quantities = list(dict.fromkeys(name for row in found.values() for name in choose(row)))
    if not quantities:
        return None
    reasons = _reasons(one for row in found.values() for name, one in row.items() if name in quantities)
    rows = [
        {
            "temperature": f"{kelvin:g} K",
            "verdict": next(iter(row.values()))["verdict"],
            "cells": [_cell(row.get(name), reasons) for name in quantities],
        }
        for kelvin, row in found.items()
    ]
    return {"quantities": [name_quantity(name) for name in quantities], "rows": rows, "reasons": reasons}


def _others(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the quantities that are not headlines."""
    first = headline(row)
    return (name for name in row if name not in first)


def _cell(estimate: Mapping[str, Any] | None, notes: Sequence[str]) -> dict[str, Any]:
    refused = estimate.get("refused") if estimate else None
    note = next((index for index, reason in enumerate(notes, start=1) if refused and refused in reason), None)
    return {"value": format_estimate(estimate), "note": note, "kind": kind_of(estimate), "mark": mark_of(estimate)}


def mark_of(row: Mapping[str, Any] | None) -> str:
    """Return what stands behind a number or a bound that may not be used; nothing where there is neither."""
    is_stated = row is not None and ("value" in row or row["upper_bound"] is not None)
    return Verdict.from_dict(row).mark if row is not None and is_stated else ""


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
                "mark": mark_of(row),
                "errors": format_errors(shown),
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


def _reasons(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return why numbers were refused, each reason once; one that another repeats in full is left out."""
    found = list(dict.fromkeys(row["refused"] for row in rows if "refused" in row))
    return [reason for reason in found if not any(reason in other and reason != other for other in found)]


def _rounds_table(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the labels of the seeds and of each round."""
    rows = []
    seeds, learning = data["seeds"], data["learning"]
    if seeds:
        rows.append(
            {
                "name": "clusters" if "recipe" in data else "seeds",
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


def _stage_row(stage: Mapping[str, Any]) -> dict[str, Any]:
    state, colour = _state_of(stage)
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


_STATIONS = {
    QUALIFICATION: "qualification of the potentials",
    SEED_LABELS: "labels of the seeds",
    CLUSTER_LABELS: "labels of the clusters",
    LEARNING: "active learning",
}


def _name_stage(label: str) -> str:
    """Return what a reader calls a stage: ``round_01_sample`` → ``round 1, sample``."""
    call = parse_call(label)
    if call is None or call.kind == "member":
        return label.replace("_", " ")
    if call.kind == "box":
        return f"box {label}"
    if call.kind == "settling":
        return f"settling, extension {call.number}" if call.number else "compression and settling"
    if call.kind == "round":
        return "first training" if call == Call("round", 0, "train") else f"round {call.number}, {call.step}"
    if call.kind == "md":
        again = f", extension {call.number}" if call.number else ""
        return f"molecular dynamics at {call.temperature_K:g} K{again}"
    return _STATIONS.get(label, label.replace("_", " "))


def embed(name: str, figure: "Callable[[Mapping[str, Any]], Figure | None]", data: Mapping[str, Any]) -> Any:
    """Return a figure as SVG for the middle of a page: it takes the page's colours, and its names are its own."""
    from markupsafe import Markup

    drawn = draw(figure, data)
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
