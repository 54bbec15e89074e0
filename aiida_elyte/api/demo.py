"""The demo: a real lithium electrolyte, sized for minutes on a laptop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from aiida_elyte.api.overrides import read_overrides

__all__ = ["demo_options"]

_MATERIAL = Path(__file__).parent / "demo"
"""Folder of the structure and the settings."""


def demo_options(
    overrides: Mapping[str, Any] | str | Path | None = None, temperatures_K: tuple[float, ...] = ()
) -> dict[str, Any]:
    """Return what ``launch_crystal`` takes to run the demo: structure, charges, temperatures, protocol, overrides.

    Parameters
    ----------
    overrides
        What to change of its settings, or the YAML file that says so.
    temperatures_K
        Temperatures in place of its own [K].

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    from aiida_elyte.workflows.protocols import recursive_merge

    options: dict[str, Any] = yaml.safe_load((_MATERIAL / "demo.yaml").read_text())
    options["structure"] = _MATERIAL / options["structure"]
    options["overrides"] = recursive_merge(options["overrides"], read_overrides(overrides))
    return options | ({"temperatures_K": list(temperatures_K)} if temperatures_K else {})
