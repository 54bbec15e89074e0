"""``aiida-elyte status``."""

import json
from typing import Any

import click

from aiida_elyte.cli.profile import open_profile
from aiida_elyte.provenance.nodes import load_process

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
@click.option("--all", "every", is_flag=True, help="Print every quantity with its method, not the headline alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
def command(pk: str, every: bool, as_json: bool) -> None:
    """Tell where a street is: rounds, labelled frames, errors, time, what runs now."""
    open_profile()
    from aiida_elyte.api.status import status
    from aiida_elyte.cli.show import lines_of_results

    found = status(load_process(pk))
    state = found.as_dict()
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return
    _print(state)
    lines = lines_of_results(found.process.pk, found.results, every)
    if lines:
        click.echo("\n" + "\n".join(lines))


def _print(state: dict[str, Any]) -> None:
    from aiida_elyte.cli.show import table
    from aiida_elyte.provenance.progress import span

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
