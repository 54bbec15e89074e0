"""``aiida-elyte resume``."""

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.profile import open_profile

__all__ = ["command"]


@click.command("resume")
@click.argument("pk")
@click.option("--detach", is_flag=True, help="Do not follow.")
@click.option("--run", is_flag=True, help="Compute in this process, without the daemon.")
@json_option
def command(pk: str, detach: bool, run: bool, as_json: bool) -> None:
    """Go on with a street: follow one that runs; start a finished, failed or killed one again with what it has."""
    open_profile()
    from aiida_elyte.api.resume import resume
    from aiida_elyte.cli.follow import follow, say
    from aiida_elyte.cli.runs import finish

    node = resume(pk, run=run, progress=say)
    if not (detach or node.is_terminated):
        follow(node)
    finish(node, as_json)
