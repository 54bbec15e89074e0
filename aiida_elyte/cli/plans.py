"""What a street would do and cost, as lines of text."""

from typing import TYPE_CHECKING

from aiida_elyte.provenance.progress import span

if TYPE_CHECKING:
    from aiida_elyte.api.polymer_street import PolymerPlan
    from aiida_elyte.science.cost import Cost

__all__ = ["cost_lines", "polymer_plan_lines"]

_END = "Dry run: nothing was submitted."


def cost_lines(cost: "Cost") -> list[str]:
    """Return what a crystal street would cost at most."""
    labels = "unknown for this engine" if cost.labelling_s is None else span(cost.labelling_s)
    rows = [
        ("labels", f"{cost.labels} at most   {labels}"),
        ("training", _time(cost.training_s)),
        ("MD steps", f"{cost.md_steps}   {_time(cost.dynamics_s)}"),
        ("time", f"about {span(cost.seconds)} at most, on the cores of this machine"),
        ("disk", f"about {cost.disk_bytes / 1e6:.0f} MB"),
    ]
    return [*(f"{name:<10}{value}" for name, value in rows), _END]


def polymer_plan_lines(plan: "PolymerPlan") -> list[str]:
    """Return what a polymer street would do."""
    lines = []
    if plan.labels is not None:
        first = f"{plan.labels['first_labels']} geometries of {plan.labels['clusters']} clusters"
        if plan.labels["labels_given"]:
            first = f"{plan.labels['labels_given']} given"
        lines.append(f"labels     {first}, and {plan.labels['later_labels']} more at most")
    lengths = f"{plan.compression_ps:g} ps of compression and settling, {plan.production_ps:g} ps of production"
    return [
        *lines,
        f"boxes      {plan.boxes} of {plan.atoms} atoms",
        f"MD         {lengths}, each box",
        f"time       about {span(plan.dynamics_s)} of LAMMPS on this machine, more where boxes settle slowly",
        _END,
    ]


def _time(seconds: float | None) -> str:
    return "unknown for this trainer" if seconds is None else span(seconds)
