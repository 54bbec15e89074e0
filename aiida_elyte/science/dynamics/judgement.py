"""What the runs at one temperature say of the potentials that drove them."""

from collections.abc import Mapping
from typing import Any

from aiida_elyte.science.verdict import Verdict, worst_of

__all__ = ["judge_run"]

_STATUSES = {"EXPLODED": "exploded", "COLLIDED": "collided", "MOLTEN": "molten", "UNCERTAIN": "unqualified"}
"""Kind of a stop → what a run is that ended so."""


def judge_run(results: Mapping[str, Any], timestep_fs: float) -> Verdict:
    """Judge the replicas of one run.

    Parameters
    ----------
    results
        What the program reports: ``stops`` of the replicas that were given up, ``n_steps_done`` of all.
    timestep_fs
        Time step [fs].

    Returns
    -------
    Verdict
        Qualified if every replica ran whole; else what the gravest stop makes of it, a reason for each.
    """
    n_replicas = len(results["n_steps_done"])
    stopped = [
        Verdict(_STATUSES[stop["kind"]], (_describe(label, stop, timestep_fs),))
        for label, stop in sorted(results["stops"].items())
    ]
    return worst_of(stopped) if stopped else Verdict("qualified", (f"all {n_replicas} replicas ran whole",))


def _describe(label: str, stop: Mapping[str, Any], timestep_fs: float) -> str:
    """Return which replica stopped, when and why."""
    step = stop["step"]
    when = (
        f"before production, at step {step}" if step < 0 else f"after {1e-3 * step * timestep_fs:.4g} ps, step {step}"
    )
    return f"replica {label} stopped {when}: {stop['message']}"
