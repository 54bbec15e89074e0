"""Inputs that many WorkChains have: what ``spec.input`` takes for them, and builders filled by their names."""

from collections.abc import Callable
from typing import Any

from aiida import orm
from aiida.engine import ProcessBuilder

from aiida_elyte.workflows.validation import validate_plugin, validate_positive

__all__ = ["checked_dict", "fill", "plugin_name", "positive_integer"]


def positive_integer(meaning: str) -> dict[str, Any]:
    """Return the keywords of a port with a positive whole number."""
    return _serialised(orm.Int, validate_positive, meaning)


def plugin_name(group: str, meaning: str) -> dict[str, Any]:
    """Return the keywords of a port with the name of a plug-in."""
    return _serialised(orm.Str, validate_plugin(group), meaning)


def checked_dict(validator: Callable[[Any, Any], str | None], meaning: str) -> dict[str, Any]:
    """Return the keywords of a port with a dictionary that a validator checks."""
    return _serialised(orm.Dict, validator, meaning)


def _serialised(kind: type, validator: Callable[[Any, Any], str | None], meaning: str) -> dict[str, Any]:
    """Return the keywords of a port that takes a value of Python as well."""
    return {"valid_type": kind, "serializer": orm.to_aiida_type, "validator": validator, "help": meaning}


def fill(builder: ProcessBuilder, **inputs: Any) -> ProcessBuilder:
    """Return the builder with inputs by the names of their ports.

    Parameters
    ----------
    builder
        The builder, which is changed.
    inputs
        A builder stands for the inputs that it holds; ``None`` is left out, for another WorkChain to fill in.
    """
    for name, value in inputs.items():
        if value is not None:
            builder[name] = value._inputs(prune=True) if isinstance(value, ProcessBuilder) else value
    return builder
