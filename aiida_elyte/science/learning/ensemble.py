"""Members of an ensemble and the replicas they drive."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiida_elyte.errors import InputError

__all__ = ["common_conditions", "member_name", "replica_settings", "share_replicas"]


def member_name(index: int) -> str:
    """Return the name of a member, as ``m00``."""
    return f"m{index:02d}"


def share_replicas(n_replicas: int, members: Sequence[str], seed: int, run: int = 0) -> list[dict[str, Any]]:
    """Give every replica a member that drives it and a seed of its own.

    Members take turns, so that the scatter between replicas holds the error of the model and that of the sampling.

    Parameters
    ----------
    n_replicas
        Number of replicas.
    members
        Names of the members.
    seed
        Seed of the whole; replica ``r`` of run ``run`` has ``seed + 1000 run + r``.
    run
        Number of the run: rounds of active learning differ by it.

    Raises
    ------
    InputError
        If there is no replica or no member.
    """
    if n_replicas < 1:
        raise InputError(f"n_replicas is {n_replicas}; expected at least one replica")
    if not members:
        raise InputError("no member is given; expected at least one potential to drive the replicas")
    return [{"seed": seed + 1000 * run + r, "member": members[r % len(members)]} for r in range(n_replicas)]


def replica_settings(
    settings: Mapping[str, Any], conditions: Mapping[str, Any], members: Sequence[str], run: int
) -> dict[str, Any]:
    """Return the settings of one run: its conditions, and its replicas shared among the members.

    Parameters
    ----------
    settings
        Those of the program.
    conditions
        ``n_replicas`` and ``seed``, and what else the program is told.
    members, run
        As in ``share_replicas``.

    Raises
    ------
    InputError
        If there is no replica or no member.
    """
    choices = dict(conditions)
    replicas = share_replicas(choices.pop("n_replicas"), members, choices.pop("seed"), run)
    return {**settings, **choices, "replicas": replicas}


def common_conditions(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Return what samplers beside the first one take of the settings of sampling: replicas, seed and temperature."""
    return {key: sampling[key] for key in ("n_replicas", "seed", "temperature_K") if key in sampling}
