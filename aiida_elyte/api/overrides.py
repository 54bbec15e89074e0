"""What to change of a protocol: a mapping, or the YAML file that holds it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiida_elyte.api.files import read_yaml
from aiida_elyte.errors import InputError

__all__ = ["read_overrides"]


def read_overrides(given: "Mapping[str, Any] | str | Path | None") -> dict[str, Any]:
    """Return overrides as a mapping, ``{}`` if none are given.

    Raises
    ------
    InputError
        If the file is missing, or holds anything but a mapping.
    """
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    content = read_yaml(Path(given), "overrides file")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(
            f"overrides file {given} holds a {type(content).__name__}; expected a mapping, e.g. "
            f"`conductivity: {{max_in_flight: 1}}`"
        )
    return content
