"""``aiida-elyte report``."""

import json
from pathlib import Path

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.profile import open_profile
from aiida_elyte.provenance.nodes import load_process

__all__ = ["command"]


@click.command("report")
@click.argument("pk")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html", help="report_PK.html if left out."
)
@json_option
def command(pk: str, out: Path | None, as_json: bool) -> None:
    """Write one self-contained HTML page about a street: pictures, tables, where every number comes from."""
    open_profile()
    node = load_process(pk)
    from aiida_elyte.report.html import write_report
    from aiida_elyte.report.results import as_json_dict

    path = out or Path(f"report_{node.pk}.html")
    data = write_report(node, path)
    click.echo(str(path), err=as_json)
    if as_json:
        click.echo(json.dumps(as_json_dict(data), indent=2, ensure_ascii=False))
