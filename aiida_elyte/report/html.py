"""One self-contained page about a street."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiida_elyte.report.crystal_page import view_crystal
from aiida_elyte.report.page import render
from aiida_elyte.report.polymer_page import view_polymer

__all__ = ["write_html"]


def write_html(data: Mapping[str, Any], path: str | Path) -> None:
    """Write the report.

    Parameters
    ----------
    data
        What ``collect`` returned.
    path
        File to write; it needs nothing beside it and no network.
    """
    if "recipe" in data:
        render("polymer.html", view_polymer(data), path)
    else:
        render("crystal.html", view_crystal(data), path)
