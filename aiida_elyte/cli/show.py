"""Results of a street as lines of text."""

from typing import TYPE_CHECKING, Any

from aiida_elyte.cli.street import results_of

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["describe_quantity", "result_lines", "table"]


def result_lines(node: "orm.ProcessNode") -> list[str]:
    """Return the table of a street's results and the reasons for missing numbers, ``[]`` when it has none yet."""
    runs = results_of(node, "transport")
    if not runs:
        return []
    rows, reasons = [["T / K", "quantity", "value"]], []
    for run in runs.values():
        results = run.get_dict()
        temperature = f"{results.pop('conditions')['temperature_K']:g}"
        reasons += [(f"{temperature} K", reason) for reason in map(_reason, results.values()) if reason]
        for name, quantity in sorted(results.items()):
            rows.append([temperature, name.replace("_", " "), describe_quantity(quantity)])
            temperature = ""
    lines = table(rows)
    if "solvation" in node.outputs:
        shells = node.outputs.solvation.get_dict()
        lines += ["", *_shell_lines(shells)]
        numbers = {name: site["coordination"] for name, site in shells["sites"].items()}
        reasons += [(name, reason) for name, one in numbers.items() if (reason := _reason(one))]
    for law in results_of(node, "arrhenius").values():
        quantities = law.get_dict()
        reasons += [("Arrhenius", reason) for reason in map(_reason, quantities.values()) if reason]
        lines += ["", "Arrhenius' law"]
        lines += table([[name.replace("_", " "), describe_quantity(value)] for name, value in quantities.items()])
    if reasons:
        lines += ["", "No number where"]
        # One reason often explains several quantities: it is told once, alone or among others.
        told = [
            one
            for one in dict.fromkeys(reasons)
            if not any(one[0] == where and one[1] != reason and one[1] in reason for where, reason in reasons)
        ]
        lines += [f"  {where}: {reason}" for where, reason in told]
    return lines


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


def table(rows: list[list[str]]) -> list[str]:
    """Return rows with their columns aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
