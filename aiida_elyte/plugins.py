"""Plug-ins by name: ``load("labellers", "own")``; with settings, ``configure("filters", "collision", {…}, "here")``."""

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.settings import read_record

__all__ = ["GROUPS", "check_names", "configure", "configure_all", "load", "names"]

GROUPS = ("labellers", "trainers", "families", "samplers", "selectors", "filters", "seeds", "qualifications")
"""The doors: ``aiida_elyte.<group>`` is the group of entry points of each."""

_REMOVED = {
    "terms": "terms was removed; force-field terms are part of aiida_elyte.science.forcefield.terms, and LAMMPS input "
    f"is written for those alone; expected one of {', '.join(GROUPS)}; use another labeller, trainer or family instead",
}


def names(group: str) -> list[str]:
    """Return the names registered in a group, e.g. ``labellers``.

    Raises
    ------
    InputError
        If the group is unknown, or was removed.
    """
    if group not in GROUPS:
        raise InputError(
            _REMOVED.get(group)
            or f"group {group!r} of plug-ins is unknown; expected one of {', '.join(GROUPS)}{suggest(group, GROUPS)}"
        )
    return sorted({point.name for point in _points(group, tuple(sys.path))})


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
        If the name is not a word; if no plug-in of that name is installed, naming those that come close; if the group
        is unknown; or if the plug-in cannot be imported.
    """
    known = names(group)
    if not isinstance(name, str):
        raise InputError(
            f"{_singular(group)} is {name!r}; expected the name of an installed plug-in: {', '.join(known)}"
        )
    for point in _points(group, tuple(sys.path)):
        if point.name != name:
            continue
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"{_singular(group)} {name!r} cannot be imported ({error}); expected {point.value} to be installed; "
                "install its package anew"
            ) from error
    hint = suggest(name, known) or f"; installed are {', '.join(known) or 'none'}"
    raise InputError(f"{_singular(group)} {name!r} is unknown; expected the name of an installed plug-in{hint}")


@cache
def _points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return the plug-ins of a group on a path; finding them reads a file of every distribution."""
    return tuple(entry_points(group=f"aiida_elyte.{group}"))


def configure(group: str, name: str, settings: Any, where: str) -> Any:
    """Return a plug-in that is a record of its own settings, with these settings.

    Parameters
    ----------
    group, name
        As in ``load``; selectors, filters, seeds and qualifications are such records.
    settings
        The fields of the record that do not keep their defaults.
    where
        What to call the settings.

    Raises
    ------
    InputError
        If the plug-in cannot be loaded or rejects the settings.
    """
    kind = load(group, name)
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise InputError(
            f"{_singular(group)} {name!r} is {kind!r}; expected a dataclass whose fields are its settings; "
            f"see docs/plugins.md"
        )
    return read_record(kind, settings, where)


def configure_all(group: str, choices: Any, where: str) -> dict[str, Any]:
    """Return several plug-ins of a group, each with its settings, in the order of their names.

    Parameters
    ----------
    group
        As in ``load``.
    choices
        Settings under the name of each plug-in; ``None`` in place of settings leaves it out.
    where
        What to call the choices.

    Raises
    ------
    InputError
        If a plug-in cannot be loaded or rejects its settings; a setting in place of a name is sent where it belongs.
    """
    check_names(group, choices, where)
    wanted = {name: settings for name, settings in sorted(choices.items()) if settings is not None}
    return {name: configure(group, name, settings, f"{where}.{name}") for name, settings in wanted.items()}


def check_names(group: str, choices: Any, where: str) -> None:
    """Reject what is not a mapping, or has a setting where the name of a plug-in is expected.

    Parameters
    ----------
    group, choices, where
        As in ``configure_all``.

    Raises
    ------
    InputError
        Naming the plug-ins whose setting it is.
    """
    if not isinstance(choices, Mapping):
        raise InputError(f"{where} is {choices!r}; expected settings under the names of {group}")
    for key in choices:
        if key not in names(group) and (owners := _owners(group, str(key))):
            raise InputError(
                f"{where} has {key!r}; expected names of {group} ({', '.join(names(group))}); "
                f"it is a setting of {' and '.join(owners)}: write `{owners[0]}: {{{key}: …}}`"
            )


def _owners(group: str, setting: str) -> list[str]:
    """Return the plug-ins of a group that have a setting of this name."""
    kinds = {name: load(group, name) for name in names(group)}
    return [
        name for name, kind in kinds.items() if is_dataclass(kind) and setting in {one.name for one in fields(kind)}
    ]


def _singular(group: str) -> str:
    return {"families": "family", "seeds": "kind of seeds"}.get(group, group.removesuffix("s"))
