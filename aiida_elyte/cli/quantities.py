"""The quantities of one transport analysis as lines of text."""

from collections.abc import Mapping
from typing import Any

from aiida_elyte.api.headline import headline
from aiida_elyte.cli.numbers import describe_quantity
from aiida_elyte.cli.tables import count_more, table

__all__ = ["quantity_lines"]


def quantity_lines(quantities: Mapping[str, Mapping[str, Any]], is_full: bool) -> list[str]:
    """Return the quantities, one a line, and below why some have no number, each reason once."""
    shown = {**headline(quantities), **(quantities if is_full else {})}
    rows = [["quantity", "value ± std  (95 % interval)", *["method"] * is_full]]
    for name, one in shown.items():
        known = [describe_quantity(one)] if "value" in one or one["upper_bound"] else []
        value = ", ".join([*["refused"] * ("refused" in one), *known])
        rows.append([name, value, *[(one.get("upper_bound") or one).get("method", "")] * is_full])
    reasons = dict.fromkeys(one["refused"] for one in quantities.values() if "refused" in one)
    groups = {reason: [name for name, one in quantities.items() if one.get("refused") == reason] for reason in reasons}
    lines = table(rows) + [f"refused: {reason} [{', '.join(names)}]" for reason, names in groups.items()]
    n_more = len(quantities) - len(shown)
    return [*lines, f"{count_more(n_more)}, and the methods, with --all"] if n_more else lines
