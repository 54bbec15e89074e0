"""``aiida-elyte report``."""

from pathlib import Path

import click

from aiida_elyte.cli.profile import load_process, open_profile

__all__ = ["command"]


@click.command("report")
@click.argument("pk")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html", help="report_PK.html if left out."
)
def command(pk: str, out: Path | None) -> None:
    """Write one self-contained HTML page about a street: pictures, tables, where every number comes from."""
    open_profile()
    node = load_process(pk)
    from aiida_elyte.report.collect import collect
    from aiida_elyte.report.html import write_html

    path = out or Path(f"report_{node.pk}.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_html(collect(node), path)
    click.echo(str(path))
