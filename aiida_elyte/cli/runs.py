"""Runs of streets: launched, followed, and reported when they end."""

import json
from typing import TYPE_CHECKING

import click

from aiida_elyte.cli.follow import follow, say

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = ["finish", "launch_and_follow"]


def launch_and_follow(
    builder: "ProcessBuilder", *, run: bool = False, detach: bool = False, force: bool = False
) -> "orm.WorkChainNode":
    """Find the run of these inputs, or start one; follow it to its end unless it is detached."""
    from aiida_elyte.api.streets import attend, launch

    launched = launch(builder, run=run, force=force, progress=say)
    node = launched.node
    if detach or node.is_terminated:
        return node
    if launched.is_found and not run:
        attend(node, progress=say)
    follow(node)
    return node


def finish(ctx: click.Context, node: "orm.WorkChainNode", as_json: bool = False) -> None:
    """Print how a run ended; exit 1 if it failed."""
    from aiida_elyte.cli.show import result_lines

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
        ctx.exit(1)
