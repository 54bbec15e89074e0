"""Runs of streets: launched, followed, and reported when they end."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.follow import follow, say
from aiida_elyte.cli.options import How

if TYPE_CHECKING:
    from aiida import orm

    from aiida_elyte.api.streets import Launch

__all__ = ["finish", "launch_and_follow", "show_plan"]


def show_plan(plan: Mapping[str, Any], lines: Sequence[str], as_json: bool) -> None:
    """Print what a street would do, in lines or as JSON."""
    click.echo(json.dumps(plan, indent=2) if as_json else "\n".join(lines))


def launch_and_follow(street: "Launch", how: How) -> "orm.WorkChainNode":
    """Find the run of the inputs of a street, or start one; follow it to its end unless it is detached."""
    from aiida_elyte.api.streets import attend, launch

    launched = launch(street, run=how.run, force=how.force, progress=say)
    node: Any = launched.node
    if not (how.detach or node.is_terminated):
        if launched.is_found and not how.run:
            attend(node, progress=say)
        follow(node)
    found: orm.WorkChainNode = node
    return found


def finish(node: "orm.WorkChainNode", as_json: bool = False) -> None:
    """Print how a run ended; exit 1 if it failed."""
    from aiida_elyte.cli.results import result_lines

    if as_json:
        state = node.process_state.value if node.process_state else "created"
        click.echo(json.dumps({"pk": node.pk, "uuid": node.uuid, "state": state, "exit_status": node.exit_status}))
    else:
        for line in result_lines(node):
            click.echo(line)
        click.echo(f"\n{node.process_label} {node.pk}: aiida-elyte status {node.pk} · verdi process report {node.pk}")
    if node.is_terminated and not node.is_finished_ok:
        reason = node.exit_message or (node.process_state.value if node.process_state else "unknown")
        click.echo(f"Error: {node.process_label} {node.pk} failed: {reason}", err=True)
        click.get_current_context().exit(1)
