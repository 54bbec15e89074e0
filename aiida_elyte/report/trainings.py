"""The trainings of an ensemble as plain dictionaries, whatever was trained."""

from collections.abc import Mapping
from typing import Any

from aiida_elyte.provenance.learning import Member, Training
from aiida_elyte.report.curves import learning_curve

__all__ = ["describe_trainings"]


def describe_trainings(trainings: tuple[tuple[Training, Mapping[str, Member]], ...]) -> list[dict[str, Any]]:
    """Return each training with its ``members`` by name.

    Parameters
    ----------
    trainings
        Trainings with their members, as ``load_trainings`` returns them.
    """
    return [
        {**vars(training), "members": {name: _member(member) for name, member in members.items()}}
        for training, members in trainings
    ]


def _member(member: Member) -> dict[str, Any]:
    """Return what is known of a member, and of what its trainer reports what a page shows."""
    known = {name: value for name, value in vars(member).items() if name not in ("results", "trained_blocks")}
    results = member.results
    found = {name: results.get(name) for name in ("errors", "n_epochs", "n_parameters", "seconds")}
    found |= {name: results.get(name, {}) for name in ("split", "undetermined")}
    return (
        known
        | found
        | {
            "curve": learning_curve(results.get("learning_curve", [])),
            "warnings": results.get("warnings", []),
            "verdict": None if member.verdict is None else member.verdict.as_dict(),
        }
    )
