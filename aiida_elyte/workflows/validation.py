"""Sentences for inputs that cannot be used: validators shared by the WorkChains."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiida import orm
from aiida.engine import Process
from aiida.engine.processes.ports import PortNamespace

from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.science.electrolyte.boxes import count_molecules
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.labels.theory import combine_levels

__all__ = [
    "validate_inputs",
    "validate_labelled",
    "validate_one_level",
    "validate_plugin",
    "validate_positive",
    "validate_recipe",
    "validate_settings",
]


def validate_positive(node: Any, port: Any) -> str | None:
    """Return a sentence if a number is not positive."""
    if node is not None and node.value <= 0:
        return f"{port.name} is {node.value}; expected a positive number"
    return None


def validate_plugin(group: str) -> Callable[[Any, Any], str | None]:
    """Return a validator that rejects a name that no plug-in of the group has."""

    def validate(node: orm.Str | None, _: Any) -> str | None:
        try:
            if node is not None:
                load(group, node.value)
        except InputError as error:
            return str(error)
        return None

    return validate


def validate_labelled(node: FramesData | None, port: Any) -> str | None:
    """Return a sentence if a set has unlabelled frames."""
    if node is not None and not node.is_labelled:
        return f"{port.name} holds frames without energy and forces; expected a labelled set; label it first"
    return None


def validate_recipe(node: orm.Dict | None, _: Any) -> str | None:
    """Return a sentence if a recipe of an electrolyte is invalid."""
    try:
        if node is not None:
            count_molecules(read_recipe(node.get_dict()))
    except InputError as error:
        return str(error)
    return None


def validate_one_level(node: FramesData, name: str) -> str | None:
    """Return a sentence if the labels are of several levels of theory, naming the field that differs."""
    levels = node.base.attributes.get("levels_of_theory")
    sentence = combine_levels(levels)[1] if levels else None
    if sentence is None:
        return None
    return (
        f"{name} mixes levels of theory {levels[:3]}: {sentence}; expected one; pick one, or set allow_mixed_levels in "
        "the settings of training"
    )


def validate_settings(process: type[Process], node: orm.Dict, name: str) -> str | None:
    """Return a sentence if a process would reject settings.

    Parameters
    ----------
    process
        What takes them, at its port ``settings``.
    node
        The settings.
    name
        Where they come from.
    """
    port: Any = process.spec().inputs["settings"]
    invalid = port.validate(node)
    return None if invalid is None else f"{name}: {invalid.message}"


def validate_inputs(process: type[Process], inputs: Mapping[str, Any], name: str, later: Sequence[str]) -> str | None:
    """Return a sentence if a process would reject inputs kept in a dynamic namespace until it is submitted.

    Parameters
    ----------
    process
        What will take the inputs.
    inputs
        The inputs.
    name
        Name of the namespace.
    later
        Ports that are filled in later.
    """
    ports = PortNamespace()
    ports.absorb(process.spec().inputs, exclude=later)
    invalid = ports.validate(dict(inputs))
    return None if invalid is None else f"{name}: {invalid.message}"
