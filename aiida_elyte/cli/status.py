"""``aiida-elyte status``."""

import json
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.profile import load_process, open_profile

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["command"]

_COLUMNS = {
    "number": "round",
    "n_sampled": "sampled",
    "n_refused": "refused",
    "n_uncertain": "uncertain",
    "n_selected": "selected",
    "n_labelled": "labelled",
    "n_dataset": "trained on",
    "members": "members",
    "force_mae_eV_A": "validation MAE F / meV/Å",
    "force_rmse_kcal_mol_A": "validation RMSE F / kcal/mol/Å",
}
_BOX_COLUMNS = ("name", "pk", "state", "step", "equilibrium")


@click.command("status")
@click.argument("pk")
@click.option("--json", "as_json", is_flag=True, help="Print what a machine can read.")
def command(pk: str, as_json: bool) -> None:
    """Tell where a street is: rounds, labelled frames, errors, time, what runs now."""
    open_profile()
    node = load_process(pk)
    state = _collect(node)
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return
    _print(state)
    from aiida_elyte.cli.show import result_lines

    lines = result_lines(node)
    if lines:
        click.echo("\n" + "\n".join(lines))


def _collect(node: "orm.WorkChainNode") -> dict[str, Any]:
    from aiida.common import timezone

    from aiida_elyte.cli.attendance import describe_neglect
    from aiida_elyte.cli.follow import describe_progress
    from aiida_elyte.cli.street import (
        descendants,
        find_boxes,
        find_rounds,
        newest_dataset,
        read_progress,
        results_of,
        running_jobs,
    )

    steps = descendants(node)
    dataset = newest_dataset(node, steps)
    end = node.mtime if node.is_terminated else timezone.now()
    return {
        "pk": node.pk,
        "uuid": node.uuid,
        "process": node.process_label,
        "state": node.process_state.value if node.process_state else "created",
        "neglected": describe_neglect(node),
        "exit_status": node.exit_status,
        "exit_message": node.exit_message,
        "seconds": round((end - node.ctime).total_seconds(), 1),
        "n_labelled": len(dataset) if dataset is not None else 0,
        "rounds": find_rounds(node, steps),
        "boxes": find_boxes(steps),
        "jobs": {"finished": sum(step.is_job and step.is_terminated for step in steps)},
        "running": [
            {
                "pk": job.pk,
                "what": job.path,
                "state": job.state,
                "progress": read_progress(job),
                "text": describe_progress(job),
            }
            for job in running_jobs(steps)
        ],
        "results": {
            "transport": {name: run.get_dict() for name, run in results_of(node, "transport").items()},
            "solvation": node.outputs.solvation.get_dict() if "solvation" in node.outputs else None,
            "arrhenius": next((law.get_dict() for law in results_of(node, "arrhenius").values()), None),
        },
    }


def _print(state: dict[str, Any]) -> None:
    from aiida_elyte.cli.follow import span
    from aiida_elyte.cli.show import table

    outcome = "" if state["exit_status"] is None else f", exit status {state['exit_status']}"
    click.echo(f"{state['process']} {state['pk']}   {state['state']}{outcome}   {span(state['seconds'])}")
    if state["neglected"]:
        click.echo(f"no process works on it: {state['neglected']}; go on with `aiida-elyte resume {state['pk']}`")
    if state["exit_message"]:
        click.echo(f"reason    {state['exit_message']}")
    click.echo(f"labelled  {state['n_labelled']} frames")
    click.echo(f"jobs      {state['jobs']['finished']} finished, {len(state['running'])} under way")
    for job in state["running"]:
        click.echo(f"          {job['pk']}  {job['what']}: {job['text']}")
    if state["rounds"]:
        columns = [key for key in _COLUMNS if any(key in entry for entry in state["rounds"])]
        rows = [[_COLUMNS[key] for key in columns]]
        rows += [[_cell(key, entry.get(key)) for key in columns] for entry in state["rounds"]]
        click.echo("\n" + "\n".join(table(rows)))
    if state["boxes"]:
        rows = [["box", *_BOX_COLUMNS[1:]]]
        rows += [[str(box[key] or "–") for key in _BOX_COLUMNS] for box in state["boxes"]]
        click.echo("\n" + "\n".join(table(rows)))


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if key == "force_rmse_kcal_mol_A":
        return f"{value:.2f}"
    return f"{1000 * value:.1f}" if key == "force_mae_eV_A" else str(value)
