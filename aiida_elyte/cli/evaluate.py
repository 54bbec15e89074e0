"""``aiida-elyte evaluate``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.label_names import labels_option
from aiida_elyte.cli.profile import open_profile

if TYPE_CHECKING:
    from aiida_elyte.science.labels.naming import LabelName

__all__ = ["command"]


@click.command("evaluate")
@click.argument("potentials")
@click.argument("test", type=click.Path(path_type=Path))
@labels_option
@json_option
def command(potentials: str, test: Path, names: "Mapping[str, LabelName]", as_json: bool) -> None:
    """Compare POTENTIALS (a folder with m00.pt …, or a PK) with the labels of TEST (extxyz or what else ASE reads)."""
    from aiida_elyte.api.identifiers import names_file
    from aiida_elyte.api.labels import read_labelled_frames
    from aiida_elyte.api.potentials import load_potential
    from aiida_elyte.cli.datasets import print_notes
    from aiida_elyte.cli.error_tables import potential_errors

    read = read_labelled_frames(test, labels=names, required=("energy", "forces"))
    print_notes(read)
    if not names_file(potentials):
        open_profile()
    errors = load_potential(potentials).evaluate(read)
    if as_json:
        click.echo(json.dumps(errors, indent=2))
    else:
        click.echo("\n".join([f"{errors['n_frames']} frames of {test}", *potential_errors(errors)]))
