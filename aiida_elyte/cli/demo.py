"""``aiida-elyte demo``."""

import sys
import time
from pathlib import Path

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.options import How

__all__ = ["command"]


@click.command("demo")
@click.option(
    "--dir", "folder", default="demo", show_default=True, type=click.Path(path_type=Path), help="Where the report goes."
)
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Take a real lithium electrolyte from its crystal structure to its conductivity, on this machine, in minutes."""
    began, page = time.monotonic(), folder / "report.html"
    from aiida_elyte.api.crystal_street import plan_crystal
    from aiida_elyte.api.daemon import ensure_daemon, stop_daemon
    from aiida_elyte.api.demo import demo_options
    from aiida_elyte.api.files import check_outputs
    from aiida_elyte.api.setup import setup
    from aiida_elyte.cli.follow import say
    from aiida_elyte.cli.runs import finish, launch_and_follow
    from aiida_elyte.provenance.progress import span

    check_outputs([page])
    found, options = setup(ctx.find_root().obj), demo_options()
    say(f"AiiDA profile {found.profile!r} in {found.folder}; structure {options['structure'].name}.")
    street = plan_crystal(**options)
    folder.mkdir(parents=True, exist_ok=True)
    # A demo that was killed leaves its daemon running; the next one knows by this file that it may stop it.
    mine = folder / ".daemon_of_the_demo"
    if ensure_daemon():
        mine.touch()
    try:
        node = launch_and_follow(street, How())
    finally:
        if mine.exists():
            stop_daemon()
            mine.unlink()
    if not node.is_terminated:
        say("Interrupted: the demo's daemon has stopped; the same command goes on.")
        ctx.exit(130)
    from aiida_elyte.report.html import write_report

    write_report(node, page)
    finish(node, as_json)
    verdi = Path(sys.executable).with_name("verdi")
    lines = [
        f"Report:         {page}",
        f"Open a process: AIIDA_PATH={Path(found.folder).parent} {verdi} process show {node.pk}",
        f"Time:           {span(time.monotonic() - began)}",
    ]
    click.echo("\n".join(lines), err=as_json)
