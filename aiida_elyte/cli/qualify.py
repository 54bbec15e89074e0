"""``aiida-elyte qualify``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.options import overrides_option
from aiida_elyte.cli.profile import open_profile

__all__ = ["command"]


@click.command("qualify")
@click.argument("potentials")
@click.argument("structure", type=click.Path(path_type=Path))
@click.option("--temperature-K", "temperature_K", required=True, type=float, help="Highest temperature of production.")
@click.option(
    "--mobile", multiple=True, metavar="EL", help="Species that moves, e.g. Li; the others are the framework."
)
@click.option("--dataset", metavar="PK|FILE", help="Labelled frames that the potentials were trained on.")
@click.option("--protocol", help="fast, balanced or stringent.")
@overrides_option
@click.option("--code", default="python@localhost", show_default=True, help="Python with torch and the potentials.")
@json_option
def command(
    potentials: str,
    structure: Path,
    temperature_K: float,
    mobile: tuple[str, ...],
    dataset: str | None,
    as_json: bool,
    **how: Any,
) -> None:
    """Test POTENTIALS (PK, folder or file) by dynamics from STRUCTURE; end with 0 only if they are qualified."""
    from aiida_elyte.api.qualification import qualify
    from aiida_elyte.cli.datasets import read_source
    from aiida_elyte.cli.follow import run_here

    open_profile(create=True)
    found = qualify(
        potentials, structure, temperature_K, mobile=mobile, dataset=read_source(dataset), run=run_here, **how
    )
    described = found.describe()
    if as_json:
        click.echo(json.dumps(described, indent=2, ensure_ascii=False))
    elif found.failure is None:
        click.echo("\n".join(_lines(described)))
    if found.failure is not None:
        click.echo(f"Error: {found.node.process_label} {found.node.pk} failed: {found.failure}", err=True)
    if not found.is_qualified:
        click.get_current_context().exit(1)


def _lines(described: Mapping[str, Any]) -> list[str]:
    """Return the verdict, its reasons, and a row of each test."""
    from aiida_elyte.cli.tables import table
    from aiida_elyte.report.verdicts import describe_tests

    rows = [[row[name] for name in ("name", "value", "threshold", "word")] for row in describe_tests(described)]
    members = ", ".join(f"{name} {pk}" for name, pk in described["potentials"].items())
    return [
        f"Qualification {described['pk']} of {members}: {described['verdict']}",
        *(f"  {reason}" for reason in described["reasons"]),
        *table([["test", "value", "threshold", "verdict"], *rows]),
        *([f"frames that failed: {described['offending_pk']}"] if described["offending_pk"] else []),
    ]
