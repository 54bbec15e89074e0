"""``aiida-elyte structure``."""

import json
from pathlib import Path

import click

from aiida_elyte.cli.json_option import json_option

__all__ = ["command"]


@click.command("structure")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def command(file: Path, as_json: bool) -> None:
    """Show what is read of the crystal in FILE (CIF, POSCAR, extxyz, …): formula, cell, symmetry, closest contact."""
    from aiida_elyte.science.crystal_files.read import read_crystal
    from aiida_elyte.science.crystal_files.summary import crystal_lines, describe_crystal

    summary = describe_crystal(read_crystal(file))
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    click.echo("\n".join(crystal_lines(summary)))
    if summary["partial_occupancies"]:
        click.echo("Sites are partially occupied: order the structure before `launch crystal`.")
