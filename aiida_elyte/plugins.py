"""Plug-ins by name: ``load("labellers", "qe")``."""

from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any

from aiida_elyte.errors import InputError

__all__ = ["GROUPS", "load", "names"]

GROUPS = ("labellers", "trainers", "families", "samplers", "selectors", "terms")


def names(group: str) -> list[str]:
    """Return the names registered in a group, e.g. ``labellers``."""
    return sorted({point.name for point in entry_points(group=f"aiida_elyte.{group}")})


def load(group: str, name: str) -> Any:
    """Load a plug-in.

    Parameters
    ----------
    group
        One of ``GROUPS``.
    name
        Name of its entry point in ``aiida_elyte.<group>``.

    Raises
    ------
    InputError
        When no plug-in of that name is installed; names those that come close.
    """
    for point in entry_points(group=f"aiida_elyte.{group}", name=name):
        return point.load()
    known = names(group)
    lowered = {each.lower(): each for each in known}
    close = [lowered[match] for match in get_close_matches(name.lower(), lowered)]
    hint = f"did you mean {' or '.join(close)}?" if close else f"installed are {', '.join(known) or 'none'}"
    raise InputError(f"{group[:-1]} {name!r} is unknown; expected the name of an installed plug-in; {hint}")
