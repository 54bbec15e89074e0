"""Sentences for inputs of active learning that no round could run with."""

from collections.abc import Mapping
from typing import Any

from aiida import orm

from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure, configure_all, load, load_all
from aiida_elyte.science.learning.ensemble import common_conditions, member_name, replica_settings
from aiida_elyte.workflows.label.guards import validate_same_level
from aiida_elyte.workflows.validation import validate_inputs, validate_settings

__all__ = ["starts_warm", "validate_committee", "validate_rounds"]

_FILLED_IN = ("start", "potentials", "dataset")
"""Ports of a sampler that a round fills in; not every sampler takes the labelled frames."""


def starts_warm(trainer: str) -> bool:
    """Return whether a trainer starts from existing members."""
    return "initial" in load("trainers", trainer).spec().inputs


def validate_rounds(inputs: Mapping[str, Any]) -> str | None:
    """Return a sentence if rounds cannot be run with these inputs.

    Parameters
    ----------
    inputs
        Inputs of ``ActiveLearningWorkChain``, all but the start frame, the members and the labelled frames.
    """
    learning, trainer = inputs["learning"].get_dict(), inputs["ensemble"]["trainer"].value
    if learning.get("retraining") and not starts_warm(trainer):
        return "learning has retraining; expected none, for members are trained anew; leave it out"
    return (
        validate_same_level(inputs.get("dataset"), inputs)
        or _validate_plugins(learning)
        or validate_committee(len(_members(inputs)), learning["selection"]["selector"])
        or _validate_retraining(inputs["ensemble"], learning)
        or validate_inputs(load("labellers", inputs["labeller"].value), inputs["label"], "label", later=("frames",))
        or _validate_samplers(inputs, learning["sampling"])
    )


def validate_committee(n_members: int, selector: str) -> str | None:
    """Return a sentence if a selector goes by the spread of a committee, and there is one member.

    Parameters
    ----------
    n_members
        Members of the ensemble.
    selector
        Name of the selector.
    """
    if n_members > 1 or not load("selectors", selector).needs_committee:
        return None
    others = [name for name, kind in load_all("selectors").items() if not kind.needs_committee]
    return (
        f"n_members is 1; expected at least two, as the selector {selector!r} goes by the spread of a committee; add "
        f"members, name a selector that needs none ({', '.join(others)}), or set max_rounds to 0"
    )


def _members(inputs: Mapping[str, Any]) -> list[str]:
    """Return the names of the members that sample the first round."""
    given = sorted(inputs.get("potentials") or {})
    return given or [member_name(index) for index in range(inputs["ensemble"]["n_members"].value)]


def _validate_samplers(inputs: Mapping[str, Any], sampling: Mapping[str, Any]) -> str | None:
    """Return a sentence if a sampler is unknown, or rejects its inputs."""
    first, others = inputs["sampler"].value, dict(inputs.get("more_samplers") or {})
    if first in others:
        return f"more_samplers has {first!r}, which is the sampler already; expected others; leave it out"
    members = _members(inputs)
    given = [(first, inputs["sample"], "sample", sampling)]
    given += [(name, one, f"more_samplers.{name}", common_conditions(sampling)) for name, one in others.items()]
    for name, one, where, conditions in given:
        try:
            sampler = load("samplers", name)
        except InputError as error:
            return f"{where}: {error}"
        if len(members) < (least := getattr(sampler, "LEAST_MEMBERS", 1)):
            return (
                f"n_members is {len(members)}; expected at least {least}, as the sampler {name!r} needs a committee; "
                f"add members, or set {where} to null"
            )
        settings = replica_settings(one["settings"].get_dict(), conditions, members, 1)
        named = "learning.sampling" if where == "sample" else where
        later = [port for port in _FILLED_IN if port in sampler.spec().inputs]
        invalid = validate_inputs(sampler, one, where, later) or validate_settings(sampler, orm.Dict(settings), named)
        if invalid is not None:
            return invalid
    return None


def _validate_retraining(ensemble: Mapping[str, Any], learning: Mapping[str, Any]) -> str | None:
    """Return a sentence if the trainer would reject its settings with what changes where training starts warm."""
    trainer = load("trainers", ensemble["trainer"].value)
    settings = {**ensemble["train"]["settings"].get_dict(), **learning.get("retraining", {})}
    return validate_settings(trainer, orm.Dict(settings), "learning.retraining")


def _validate_plugins(learning: Mapping[str, Any]) -> str | None:
    """Return a sentence if selector, filters or tests of qualification are unknown or reject their settings."""
    selection = learning["selection"]
    try:
        configure("selectors", selection["selector"], selection["selection"], "selection.selection")
        configure_all("filters", selection["filters"], "selection.filters")
        configure_all("qualifications", learning.get("qualification", {}), "qualification")
    except InputError as error:
        return f"learning: {error}"
    return None
