"""``aiida-elyte status``."""

import json
from typing import Any

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.profile import open_profile
from aiida_elyte.science.learning.error_key import ErrorKey

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
}
_BOX_COLUMNS = ("name", "pk", "state", "step", "equilibrium")


@click.command("status")
@click.argument("pk")
@click.option("--all", "every", is_flag=True, help="Print every quantity with its method, not the headline alone.")
@json_option
def command(pk: str, every: bool, as_json: bool) -> None:
    """Tell where a street is: rounds, labelled frames, errors, time, what runs now."""
    open_profile()
    from aiida_elyte.api.status import status
    from aiida_elyte.cli.results import lines_of_results

    found = status(pk)
    state = found.as_dict()
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return
    keys = [one.training.error_key for one in found.rounds if one.training is not None]
    _print(state, {key.name: key for key in keys if key is not None})
    lines = lines_of_results(found.process.pk, found.results, every)
    if lines:
        click.echo("\n" + "\n".join(lines))


def _print(state: dict[str, Any], errors: dict[str, ErrorKey]) -> None:
    from aiida_elyte.cli.tables import table
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
        titles = _COLUMNS | {name: f"validation {key.label} / {key.scale[1]}" for name, key in errors.items()}
        columns = [key for key in titles if any(key in entry for entry in state["rounds"])]
        rows = [[titles[key] for key in columns]]
        rows += [[_cell(entry.get(key), errors.get(key)) for key in columns] for entry in state["rounds"]]
        click.echo("\n" + "\n".join(table(rows)))
    if state["boxes"]:
        rows = [["box", *_BOX_COLUMNS[1:]]]
        rows += [[str(box[key] or "–") for key in _BOX_COLUMNS] for box in state["boxes"]]
        click.echo("\n" + "\n".join(table(rows)))


def _cell(value: Any, error: ErrorKey | None) -> str:
    if value is None or error is None:
        return "–" if value is None else str(value)
    factor, _, decimals = error.scale
    return f"{factor * value:.{decimals}f}"
