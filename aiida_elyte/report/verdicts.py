"""Verdicts for readers: what may be used of a street, why the rest may not, and what to do about it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aiida_elyte.provenance.street import ARRHENIUS
from aiida_elyte.report.quantities import format_number, format_unit
from aiida_elyte.science.verdict import Verdict, quantities_of

__all__ = ["describe_conditions", "describe_tests", "is_refused_by", "list_issues", "state_verdicts", "verdicts_of"]

_QUALIFICATION = "qualification"

_REMEDIES = {
    "unqualified": "Run aiida-elyte qualify on the potentials; where a test failed, go on learning with its offending "
    "frames. The option --allow-unqualified shows the numbers with their mark.",
    "molten": "Run below this temperature, or let learning sample at it and above; look at the replicas that melted.",
    "collided": "Train with a repulsive baseline and with seeds of short distances, then qualify anew.",
    "exploded": "Let learning sample at this temperature and above, or shorten the time step; then qualify anew.",
    "torn": "Label the cluster of the torn bond at higher heat and fit again, or run colder.",
    "not settled": "Let the box settle for longer: raise settling.max_extensions or settling.extension_ps.",
    "not converged": "Run longer or with more replicas: raise the budget of production.",
    "extrapolated": "Go on learning where production runs: raise max_rounds, label_budget or the temperature of "
    "sampling.",
}
"""What helps against each verdict but ``qualified``."""

_MODEL_ERROR = (
    "The error bar holds the statistical error alone: that of the potential is not known.",
    "Run production with several members, whose scatter is the error of the model.",
)


def verdicts_of(data: Mapping[str, Any]) -> Iterator[tuple[str, Verdict, Mapping[str, Any]]]:
    """Yield each result that ``collect`` found: where it holds, its verdict, and its quantities.

    Where is a temperature, as ``600 K``, or the Arrhenius fit.
    """
    for run in data["runs"]:
        if run["transport"] is not None:
            where = f"{run['settings']['temperature_K']:g} K"
            yield where, Verdict.from_dict(run["transport"]), quantities_of(run["transport"])
    if data["arrhenius"] is not None:
        yield ARRHENIUS, Verdict.from_dict(data["arrhenius"]), quantities_of(data["arrhenius"])


def is_refused_by(verdict: Verdict, found: Mapping[str, Any]) -> bool:
    """Return whether a quantity has no number because of a verdict, rather than for want of data."""
    return not verdict.is_qualified and str(found.get("refused", "")).startswith(verdict.status)


def state_verdicts(judged: Iterable[tuple[str, Verdict]]) -> list[dict[str, Any]]:
    """Return verdicts, each word once.

    Parameters
    ----------
    judged
        Where each result holds, as of ``verdicts_of``, and its verdict.

    Returns
    -------
    list of dict
        ``word``; ``where`` it holds, as ``at 600 K, 800 K``; ``reasons``, each with where it holds if not everywhere
        the word does; ``kind``, the class of colour. What may be used comes first.
    """
    found: dict[str, list[tuple[str, Verdict]]] = {}
    for where, verdict in judged:
        found.setdefault(verdict.status, []).append((where, verdict))
    return [
        {
            "word": word,
            "where": _name_places([where for where, _ in alike]),
            "reasons": _common_reasons(alike),
            "kind": "good" if word == "qualified" else "bad",
        }
        for word, alike in sorted(found.items(), key=lambda item: item[0] != "qualified")
    ]


def _name_places(places: Sequence[str]) -> str:
    kelvins = [place for place in places if place != ARRHENIUS]
    parts = [f"at {', '.join(kelvins)}"] * bool(kelvins) + [f"in the {ARRHENIUS}"] * (ARRHENIUS in places)
    return " and ".join(parts)


def _common_reasons(judged: Sequence[tuple[str, Verdict]]) -> list[str]:
    """Return each reason once, with where it holds if not everywhere."""
    places: dict[str, list[str]] = {}
    for where, verdict in judged:
        for reason in verdict.reasons:
            places.setdefault(reason, []).append(where)
    return [
        reason if len(found) == len(judged) else f"{', '.join(found)}: {reason}" for reason, found in places.items()
    ]


def list_issues(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what stands against the results that ``collect`` found, and what to do about each.

    Returns
    -------
    list of dict
        ``where`` it holds, ``what`` it is, ``remedy``; one that holds in several places stands once.
    """
    places: dict[tuple[str, str], list[str]] = {}
    for where, verdict, quantities in verdicts_of(data):
        if not verdict.is_qualified:
            for reason in verdict.reasons:
                places.setdefault((reason, _REMEDIES[verdict.status]), []).append(where)
        terms = quantities.get("conductivity", {}).get("errors") or {}
        if terms and terms.get("model") is None:
            places.setdefault(_MODEL_ERROR, []).append(where)
    qualification = data["qualification"]
    if qualification is not None and qualification["verdict"] != "qualified":
        for reason in qualification["reasons"]:
            places.setdefault((reason, _REMEDIES[qualification["verdict"]]), []).append(_QUALIFICATION)
    ending = (data["learning"] or {}).get("ending")
    if ending is not None and not ending["is_converged"]:
        what = f"Learning ended without having converged, by “{ending['criterion']}”: {data['learning']['reason']}"
        remedy = " ".join(f"{one[:1].upper()}{one[1:]}." for one in ending["advice"])
        places[what, remedy] = ["learning"]
    return [{"where": ", ".join(found), "what": what, "remedy": remedy} for (what, remedy), found in places.items()]


def describe_tests(qualification: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return the tests of a qualification, one row each: name, value, threshold with its source, verdict, offence."""
    if qualification is None:
        return []
    return [_describe_test(name, finding) for name, finding in qualification["tests"].items()]


def _describe_test(name: str, finding: Mapping[str, Any]) -> dict[str, str]:
    passed, unit = finding["passed"], finding.get("unit", "1")
    word = "not tested" if passed is None else "passed" if passed else "failed"
    offending = list(dict.fromkeys(finding.get("offending", {}).values()))
    frames = len(finding.get("offending", {}))
    offence = f"{frames} frames, the first: {offending[0]}" if frames > 1 else next(iter(offending), "")
    return {
        "name": name.replace("_", " "),
        "value": "—" if finding["value"] is None else _with_unit(finding["value"], unit),
        "threshold": _with_unit(finding["threshold"], unit) if "threshold" in finding else "—",
        "source": finding.get("source", ""),
        "word": word,
        "kind": {"passed": "good", "failed": "bad", "not tested": "open"}[word],
        "said": "; ".join(filter(None, [finding.get("failed") or finding.get("reason", ""), offence])),
    }


def describe_conditions(qualification: Mapping[str, Any] | None) -> str:
    """Return under which conditions the tests ran, ``temperature_K 1200, n_replicas 4``; only what is a number."""
    conditions = {} if qualification is None else qualification["conditions"]
    shown = {name: value for name, value in conditions.items() if isinstance(value, int | float)}
    return ", ".join(f"{name} {value:g}" for name, value in shown.items())


def _with_unit(value: float, unit: str) -> str:
    return f"{format_number(value)} {format_unit(unit)}".strip()
