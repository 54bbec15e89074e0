"""The level of theory that a street stands on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiida_elyte.provenance.links import Links

__all__ = ["Theory", "read_theory"]

_LABELLERS = ("labeller", "active_learning__labeller", "learning__labeller")
"""Ports that name the labeller, of a learning and of the streets."""


@dataclass(frozen=True)
class Theory:
    """Level of theory of the labels, and who made them."""

    levels: tuple[str, ...]
    """Levels of theory."""
    charge_methods: tuple[str, ...]
    """How charges were assigned."""
    labeller: str | None
    """Name of the labeller."""


def read_theory(street: Links, learning: Links | None, labelling: Links | None, given: Sequence[Any]) -> Theory:
    """Return the level of theory of a street.

    Parameters
    ----------
    street
        The street.
    learning, labelling
        Its learning and its first labels, as far as they exist.
    given
        Potentials or force fields given, which state it where there are no labelled frames.
    """
    dataset = None
    if learning is not None:
        dataset = learning.inputs["dataset"]
    elif "dataset" in street.inputs:
        dataset = street.inputs["dataset"]
    elif labelling is not None:
        dataset = labelling.outputs.get("frames")
    stated = dataset.base.attributes.all if dataset is not None else {}
    levels = stated.get("levels_of_theory") or sorted(
        {str(one.base.attributes.get("level_of_theory", None) or "unstated") for one in given}
    )
    methods = stated.get("charge_methods") or sorted(
        {method for one in given for method in one.base.attributes.get("charge_methods", None) or []}
    )
    asked = (source.inputs.get(name) for source in (learning or street, street) for name in _LABELLERS)
    labeller = next((one.value for one in asked if one is not None), None)
    return Theory(tuple(levels), tuple(methods), labeller)
