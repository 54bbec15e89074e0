"""Plug-ins with their settings: ``configure("filters", "collision", {…}, "here")``; by name, as ``doors`` has them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from aiida_elyte.doors import GROUPS, load, load_all, names, naming, singular
from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import read_record

__all__ = ["GROUPS", "check_names", "configure", "configure_all", "load", "load_all", "names"]


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
            f"{singular(group)} {name!r} is {kind!r}; expected a dataclass whose fields are its settings; "
            f"see docs/plugins.md"
        )
    with naming(f"{singular(group)} {name!r} rejects its settings in {where}"):
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
    return [
        name
        for name, kind in load_all(group).items()
        if is_dataclass(kind) and setting in {one.name for one in fields(kind)}
    ]
