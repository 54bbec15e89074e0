"""The demo: a real lithium electrolyte, sized for minutes on a laptop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from aiida_elyte.api.overrides import read_overrides

__all__ = ["demo_options"]

_MATERIAL = Path(__file__).parent / "demo"
"""Folder of the structure and the settings."""


def demo_options(changes: Mapping[str, Any] | str | Path | None = None) -> dict[str, Any]:
    """Return what ``launch_crystal`` takes to run the demo: structure, charges, temperatures, protocol, overrides.

    Parameters
    ----------
    changes
        What to change of these options, or the YAML file that says so.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    from aiida_elyte.workflows.protocols import recursive_merge

    options = yaml.safe_load((_MATERIAL / "demo.yaml").read_text())
    options["structure"] = _MATERIAL / options["structure"]
    merged: dict[str, Any] = recursive_merge(options, read_overrides(changes))
    return merged
