"""Ports that many WorkChains have: what ``spec`` takes for them, and builders filled by the names of their inputs."""

from collections.abc import Callable
from typing import Any

from aiida import orm
from aiida.engine import ProcessBuilder

from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.workflows.validation import validate_labelled, validate_plugin, validate_positive

__all__ = ["checked_dict", "fill", "labelled_frames", "members", "optional", "plugin_name", "positive_integer"]


def positive_integer(meaning: str) -> dict[str, Any]:
    """Return the keywords of a port with a positive whole number."""
    return _serialised(orm.Int, validate_positive, meaning)


def plugin_name(group: str, meaning: str) -> dict[str, Any]:
    """Return the keywords of a port with the name of a plug-in."""
    return _serialised(orm.Str, validate_plugin(group), meaning)


def checked_dict(validator: Callable[[Any, Any], str | None], meaning: str) -> dict[str, Any]:
    """Return the keywords of a port with a dictionary that a validator checks."""
    return _serialised(orm.Dict, validator, meaning)


def labelled_frames(meaning: str, required: bool = True) -> dict[str, Any]:
    """Return the keywords of a port with labelled frames."""
    return {"valid_type": FramesData, "validator": validate_labelled, "required": required, "help": meaning}


def members(kind: type[orm.Data], meaning: str, required: bool = True) -> dict[str, Any]:
    """Return the keywords of a namespace with the members m00, m01 … of an ensemble."""
    return {"valid_type": kind, "dynamic": True, "required": required, "help": meaning}


def optional(kind: type[orm.Data], meaning: str) -> dict[str, Any]:
    """Return the keywords of an output that not every run has."""
    return {"valid_type": kind, "required": False, "help": meaning}


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

    Raises
    ------
    InputError
        If a port rejects its input.
    """
    for name, value in inputs.items():
        if value is None:
            continue
        try:
            builder[name] = value._inputs(prune=True) if isinstance(value, ProcessBuilder) else value
        except ValueError as error:  # AiiDA's, around the sentence of a validator
            sentence = str(error).removeprefix("invalid attribute value ")
            raise InputError(f"inputs of {builder.process_class.__name__}: {sentence}") from error
    return builder
