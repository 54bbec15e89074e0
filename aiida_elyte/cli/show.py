"""Results of a street as lines of text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.headline import headline
from aiida_elyte.cli.tables import count_more, table
from aiida_elyte.provenance.street import Results, is_street, read_street, results_of_street

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["describe_quantity", "lines_of_results", "result_lines"]


def result_lines(node: "orm.ProcessNode", every: bool = False) -> list[str]:
    """Return the results of a street as ``lines_of_results`` does, ``[]`` for other processes."""
    return lines_of_results(node.pk, results_of_street(read_street(node)), every) if is_street(node) else []


def lines_of_results(pk: int | None, results: Results, every: bool = False) -> list[str]:
    """Return a table of results and the reasons for missing numbers, ``[]`` when there are none yet.

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
        found = {name: one for name, one in run.items() if name != "conditions"}
        shown = _choose(found, every)
        n_more += len(found) - len(shown)
        temperature = f"{run['conditions']['temperature_K']:g}"
        reasons += [(f"{temperature} K", reason) for reason in map(_reason, shown.values()) if reason]
        methods += _methods(shown)
        for name, quantity in shown.items():
            rows.append([temperature, name.replace("_", " "), describe_quantity(quantity)])
            temperature = ""
    lines = table(rows)
    if results.solvation is not None:
        lines += ["", *_shell_lines(results.solvation)]
        numbers = {name: site["coordination"] for name, site in results.solvation["sites"].items()}
        reasons += [(name, reason) for name, one in numbers.items() if (reason := _reason(one))]
    if results.arrhenius is not None:
        shown = _choose(results.arrhenius, every)
        n_more += len(results.arrhenius) - len(shown)
        reasons += [("Arrhenius", reason) for reason in map(_reason, shown.values()) if reason]
        methods += _methods(shown)
        lines += ["", "Arrhenius' law"]
        lines += table([[name.replace("_", " "), describe_quantity(one)] for name, one in shown.items()])
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
    rows = [[f"around {shells['centre']}", "peak / Å", "first shell to / Å", "neighbours"]]
    for name, site in shells["sites"].items():
        places = ["–" if site[key] is None else f"{site[key]:.2f}" for key in ("first_peak_A", "first_minimum_A")]
        rows.append([name, *places, describe_quantity(site["coordination"])])
    return table(rows)


def describe_quantity(quantity: Any) -> str:
    """Return an estimate with its error bar, or the bound where there is none."""
    if not isinstance(quantity, dict):
        return str(quantity)
    if "value" in quantity:
        low, high = quantity["ci95"]
        unit = "" if quantity["unit"] == "1" else f" {quantity['unit']}"
        return (
            f"{_figure(quantity['value'])} ± {_figure(quantity['std'])}{unit}"
            f"  (95 %: {_figure(low)} to {_figure(high)}, n_eff {quantity['n_effective']:.3g})"
        )
    bound = quantity.get("upper_bound")
    return f"below {_figure(bound['value'])} {bound['unit']} (95 %)" if bound else "none"


def _figure(value: float) -> str:
    """Return a number with three figures, without exponent where it is of everyday size."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _reason(quantity: Any) -> str | None:
    """Return why a quantity was refused, ``None`` when it was not."""
    return quantity.get("refused") if isinstance(quantity, dict) else None
