"""Results of a street as lines of text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.headline import headline
from aiida_elyte.cli.numbers import describe_quantity, verdict_lines
from aiida_elyte.cli.tables import count_more, table
from aiida_elyte.provenance.street import Results, is_street, read_street, results_of_street
from aiida_elyte.report.verdicts import is_refused_by
from aiida_elyte.science.verdict import Verdict, quantities_of

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["lines_of_results", "result_lines"]


def result_lines(node: "orm.ProcessNode", every: bool = False) -> list[str]:
    """Return the results of a street as ``lines_of_results`` does, ``[]`` for other processes."""
    return lines_of_results(node.pk, results_of_street(read_street(node)), every) if is_street(node) else []


def lines_of_results(pk: int | None, results: Results, every: bool = False) -> list[str]:
    """Return verdicts, a table of results and the reasons for missing numbers, ``[]`` when there are none yet.

    Parameters
    ----------
    pk
        PK of the street.
    results
        What a street has found.
    every
        Whether every quantity and its method is printed, not the headline alone.
    """
    if not results.transport:
        return []
    rows, reasons, methods = [["T / K", "quantity", "value"]], [], []
    n_more = 0
    for run in results.transport.values():
        found, verdict = quantities_of(run), Verdict.from_dict(run)
        shown = _choose(found, every)
        n_more += len(found) - len(shown)
        temperature = f"{run['conditions']['temperature_K']:g}"
        reasons += [(f"{temperature} K", reason) for reason in _reasons(shown, verdict)]
        methods += _methods(shown)
        for name, quantity in shown.items():
            rows.append([temperature, name.replace("_", " "), describe_quantity(quantity, verdict)])
            temperature = ""
    lines = [*verdict_lines(results.verdicts), "", *table(rows)]
    if results.solvation is not None:
        lines += ["", *_shell_lines(results.solvation)]
        numbers = {name: site["coordination"] for name, site in results.solvation["sites"].items()}
        reasons += [(name, one["refused"]) for name, one in numbers.items() if "refused" in one]
    if results.arrhenius is not None:
        found, verdict = quantities_of(results.arrhenius), Verdict.from_dict(results.arrhenius)
        shown = _choose(found, every)
        n_more += len(found) - len(shown)
        reasons += [("Arrhenius", reason) for reason in _reasons(shown, verdict)]
        methods += _methods(shown)
        lines += ["", "Arrhenius' law"]
        lines += table([[name.replace("_", " "), describe_quantity(one, verdict)] for name, one in shown.items()])
    if reasons:
        lines += ["", "No number where", *(f"  {where}: {reason}" for where, reason in _each_once(reasons))]
    if every and methods:
        lines += ["", "Obtained from", *dict.fromkeys(methods)]
    if n_more:
        lines += ["", f"{count_more(n_more)}, and how each was obtained: aiida-elyte status {pk} --all"]
    return lines


def _choose(quantities: Mapping[str, Any], every: bool) -> dict[str, Any]:
    return dict(sorted(quantities.items())) if every else dict(headline(quantities))


def _methods(quantities: Mapping[str, Any]) -> list[str]:
    """Return how each estimate or bound was obtained."""
    found = {name: one.get("upper_bound") or one for name, one in quantities.items()}
    return [f"  {name.replace('_', ' ')}: {one['method']}" for name, one in found.items() if "method" in one]


def _each_once(reasons: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return each reason once: one that a longer one of the same place repeats in full is left out."""
    return [
        one
        for one in dict.fromkeys(reasons)
        if not any(one[0] == where and one[1] != reason and one[1] in reason for where, reason in reasons)
    ]


def _shell_lines(shells: dict[str, Any]) -> list[str]:
    """Return the neighbours of the cations, one line a site."""
    verdict = Verdict.from_dict(shells)
    rows = [[f"around {shells['centre']}", "peak / Å", "first shell to / Å", "neighbours"]]
    for name, site in shells["sites"].items():
        places = ["–" if site[key] is None else f"{site[key]:.2f}" for key in ("first_peak_A", "first_minimum_A")]
        rows.append([name, *places, describe_quantity(site["coordination"], verdict)])
    return table(rows)


def _reasons(quantities: Mapping[str, Any], verdict: Verdict) -> list[str]:
    """Return why quantities have no number, those that the verdict refuses left out: its reasons stand above."""
    return [one["refused"] for one in quantities.values() if "refused" in one and not is_refused_by(verdict, one)]
