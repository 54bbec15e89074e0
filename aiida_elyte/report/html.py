"""One self-contained page about a street."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.files import check_outputs
from aiida_elyte.report.crystal_page import view_crystal
from aiida_elyte.report.page import render
from aiida_elyte.report.polymer_page import view_polymer

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["write_html", "write_report"]


def write_report(street: "orm.WorkChainNode | int | str", path: str | Path) -> dict[str, Any]:
    """Write the report of a street, whether it runs, has ended well or has failed.

    Parameters
    ----------
    street
        Node, PK or UUID of the street, or of its learning, its conductivity or one of its boxes alone.
    path
        File to write; it needs nothing beside it and no network.

    Returns
    -------
    dict
        What the page shows, as ``collect`` returns it.

    Raises
    ------
    InputError
        If there is no such street, or the file cannot be written.
    """
    from aiida_elyte.provenance.nodes import load_process
    from aiida_elyte.provenance.street import read_street
    from aiida_elyte.report.collect import collect

    check_outputs([path])
    data = collect(read_street(load_process(street)))
    write_html(data, path)
    return data


def write_html(data: Mapping[str, Any], path: str | Path) -> None:
    """Write the page.

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
