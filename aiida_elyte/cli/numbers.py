"""Numbers with their errors and their verdicts as text."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiida_elyte.report.verdicts import state_verdicts
from aiida_elyte.science.verdict import Verdict

__all__ = ["describe_quantity", "verdict_lines"]


def verdict_lines(judged: Iterable[tuple[str, Verdict]]) -> list[str]:
    """Return each verdict with where it holds, and below those that are not good the reasons, one a line."""
    lines = []
    for one in state_verdicts(judged):
        is_good = one["kind"] == "good"
        lines.append(f"{one['word'].capitalize()} {one['where']}{'' if is_good else ':'}")
        lines += [] if is_good else [f"  {reason}" for reason in one["reasons"]]
    return lines


def describe_quantity(quantity: Mapping[str, Any], verdict: Verdict | None = None) -> str:
    """Return an estimate with its error bar, or the bound where there is none, marked where it may not be used."""
    mark = "" if verdict is None else f" {verdict.mark}".rstrip()
    if "value" in quantity:
        low, high = quantity["ci95"]
        unit = "" if quantity["unit"] == "1" else f" {quantity['unit']}"
        return (
            f"{_figure(quantity['value'])} ± {_figure(quantity['std'])}{unit}{mark}"
            f"  (95 %: {_figure(low)} to {_figure(high)}, n_eff {quantity['n_effective']:.3g})"
        )
    bound = quantity.get("upper_bound")
    return f"below {_figure(bound['value'])} {bound['unit']} (95 %){mark}" if bound else f"none{mark}"


def _figure(value: float) -> str:
    """Return a number with three figures, without exponent where it is of everyday size."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
