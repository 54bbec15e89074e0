"""Sentences for labels that do not fit what they are made for, answered by the labeller before anything runs."""

from collections.abc import Mapping
from typing import Any

from aiida_elyte.data.frames import FramesData
from aiida_elyte.plugins import load
from aiida_elyte.science.labels.theory import combine_levels

__all__ = ["validate_charges", "validate_same_level"]


def validate_same_level(node: FramesData | None, learning: Mapping[str, Any], name: str = "dataset") -> str | None:
    """Return a sentence if a set is of another level of theory than the labels that active learning will add.

    Parameters
    ----------
    node
        The set.
    learning
        Inputs of active learning: ``labeller``, ``label``, ``learning``, ``ensemble``.
    name
        What to call the set.
    """
    label = learning.get("label")
    if node is None or not label or not learning["learning"].get_dict().get("max_rounds"):
        return None
    train = (learning.get("ensemble") or {}).get("train", {}).get("settings")
    if train is not None and train.get_dict().get("allow_mixed_levels"):
        return None
    labeller, levels = load("labellers", learning["labeller"].value), node.base.attributes.get("levels_of_theory")
    sentence: str | None = "it has no labels"
    if levels:
        level, mixed = combine_levels(levels)
        sentence = mixed or labeller.validate_level(label, level, node.base.attributes.get("elements"))
    if sentence is None:
        return None
    wanted = labeller.level_of_theory(label) or f"that of the labeller {learning['labeller'].value!r}"
    return (
        f"{name} has levels of theory {levels}; expected {wanted}, which the labeller adds in the rounds of learning "
        f"({sentence}); label with the same engine, or set max_rounds to 0"
    )


def validate_charges(labeller: str, label: Mapping[str, Any] | None, name: str) -> str | None:
    """Return a sentence if a labeller is known to give no charges: force fields are fitted with them.

    Parameters
    ----------
    labeller
        Name of the labeller.
    label
        Inputs of the labeller.
    name
        Name of these inputs.
    """
    given = load("labellers", labeller).gives(label) if label else None
    if given is None or "charges" in given:
        return None
    return (
        f"{name} asks the labeller {labeller!r} for {', '.join(sorted(given))}; expected charges among them, for a "
        "force field is fitted with them; ask for charges, of an engine that gives them"
    )
