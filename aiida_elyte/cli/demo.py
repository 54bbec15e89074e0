"""``aiida-elyte demo``."""

import sys
import time
from pathlib import Path

import click
import yaml

from aiida_elyte.cli.profile import ensure_daemon, set_up, stop_daemon

__all__ = ["command"]

_MATERIAL = Path(__file__).parent / "demo"
"""Folder of the demo's structure and settings."""


@click.command("demo")
@click.option(
    "--dir", "folder", default="demo", show_default=True, type=click.Path(path_type=Path), help="Where the report goes."
)
@click.pass_context
def command(ctx: click.Context, folder: Path) -> None:
    """Take a real lithium electrolyte from its crystal structure to its conductivity, on this machine, in minutes."""
    began = time.monotonic()
    from aiida_elyte.cli.crystal import Request, build
    from aiida_elyte.cli.follow import span
    from aiida_elyte.cli.launch import finish, launch

    found = set_up(ctx.find_root().obj)
    settings = yaml.safe_load((_MATERIAL / "demo.yaml").read_text())
    request = Request(**{**settings, "structure": _MATERIAL / settings["structure"]})
    click.echo(f"AiiDA profile {found.profile!r} in {found.folder}; structure {settings['structure']}.", err=True)
    builder = build(request)
    folder.mkdir(parents=True, exist_ok=True)
    # A demo that was killed leaves its daemon running; the next one knows by this file that it may stop it.
    mine = folder / ".daemon_of_the_demo"
    if ensure_daemon():
        mine.touch()
    try:
        node = launch(builder)
    finally:
        if mine.exists():
            stop_daemon()
            mine.unlink()
    if not node.is_terminated:
        click.echo("Interrupted: the demo's daemon has stopped; the same command goes on.", err=True)
        ctx.exit(130)
    from aiida_elyte.report.html import write_report

    write_report(node, folder / "report.html")
    finish(ctx, node)
    verdi = Path(sys.executable).with_name("verdi")
    click.echo(f"Report:         {folder / 'report.html'}")
    click.echo(f"Open a process: AIIDA_PATH={Path(found.folder).parent} {verdi} process show {node.pk}")
    click.echo(f"Time:           {span(time.monotonic() - began)}")
