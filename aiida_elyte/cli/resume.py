"""``aiida-elyte resume``."""

import click

from aiida_elyte.cli.profile import open_profile
from aiida_elyte.provenance.nodes import load_process

__all__ = ["command"]


@click.command("resume")
@click.argument("pk")
@click.option("--detach", is_flag=True, help="Do not follow.")
@click.option("--run", "in_process", is_flag=True, help="Compute in this process, without the daemon.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
@click.pass_context
def command(ctx: click.Context, pk: str, detach: bool, in_process: bool, as_json: bool) -> None:
    """Go on with a street: follow one that runs; start a finished, failed or killed one again with what it has."""
    open_profile()
    node = load_process(pk)
    from aiida_elyte.api.resume import prepare_restart
    from aiida_elyte.cli.launch import finish, go_on, launch

    if node.is_terminated:
        restart = prepare_restart(node)
        for line in restart.notes:
            click.echo(line, err=True)
        node = launch(restart.builder, in_process=in_process, detach=detach, is_new=True)
    else:
        go_on(node, detach, in_process)
    finish(ctx, node, as_json)
