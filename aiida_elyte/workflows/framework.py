"""The framework of a crystal, named to whatever watches over it where the user did not."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from aiida import orm

from aiida_elyte.plugins import load

__all__ = ["name_in_plugins", "name_in_stops"]

_FIELD = "framework"
"""Name of the setting that takes species of the framework, of stops and of plug-ins."""


def name_in_plugins(group: str, choices: Mapping[str, Any], framework: Sequence[str]) -> dict[str, Any]:
    """Return the settings of plug-ins with the framework named to those that ask for one; ``[]`` stays none.

    Parameters
    ----------
    group
        Group of the plug-ins.
    choices
        Settings under the name of each; ``None`` in place of settings stays.
    framework
        Species of the framework.
    """
    return {
        name: {**settings, _FIELD: list(framework)}
        if isinstance(settings, Mapping) and _FIELD not in settings and _asks(group, name)
        else settings
        for name, settings in choices.items()
    }


def name_in_stops(settings: orm.Dict, framework: Sequence[str]) -> orm.Dict:
    """Return settings of dynamics with the framework named to its stops, if it has any."""
    content = settings.get_dict()
    stops = content.get("stops")
    if not isinstance(stops, Mapping) or _FIELD in stops:
        return settings
    return orm.Dict({**content, "stops": {**stops, _FIELD: list(framework)}})


def _asks(group: str, name: str) -> bool:
    """Return whether a plug-in has a setting for the framework."""
    kind = load(group, name)
    return is_dataclass(kind) and _FIELD in {one.name for one in fields(kind)}
