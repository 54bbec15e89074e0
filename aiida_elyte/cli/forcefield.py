"""``aiida-elyte forcefield``: labelled clusters to a class-2 force field and its LAMMPS files, without AiiDA."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiida_elyte.cli.forcefield_fit import fit
from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.label_names import labels_option

if TYPE_CHECKING:
    from aiida_elyte.science.labels.naming import LabelName

__all__ = ["command"]

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group("forcefield")
def command() -> None:
    """Class-2 force fields from labelled clusters: fit, evaluate, export to LAMMPS."""


command.add_command(fit)


@command.command("evaluate")
@click.argument("folder", type=_FOLDER)
@click.argument("test", type=click.Path(path_type=Path, dir_okay=False))
@labels_option
@json_option
def evaluate(folder: Path, test: Path, names: "Mapping[str, LabelName]", as_json: bool) -> None:
    """Compare forces of the force field in FOLDER with the labels of TEST, by system."""
    from aiida_elyte.api.forcefield import load_force_field
    from aiida_elyte.api.labels import read_clusters
    from aiida_elyte.cli.datasets import print_notes
    from aiida_elyte.cli.error_tables import force_field_errors

    read = read_clusters(test, names)
    print_notes(read)
    errors = load_force_field(folder).evaluate(read)
    click.echo(json.dumps(errors, indent=2, ensure_ascii=False) if as_json else "\n".join(force_field_errors(errors)))


@command.command("export")
@click.argument("folder", type=_FOLDER)
@click.option("--smiles", required=True, metavar="SMILES", help="Molecules, with dots between, as COCCOC.[Li+].")
@click.option("--out", type=_FOLDER, required=True, metavar="DIR", help="Folder for system.data and in.lammps.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the geometry.")
@json_option
def export(folder: Path, smiles: str, out: Path, seed: int, as_json: bool) -> None:
    """Write molecules with the force field in FOLDER as a data file and input of LAMMPS, as an isolated cluster.

    With continuous typing they need not be among those that were fitted.
    """
    from aiida_elyte.api.forcefield import load_force_field

    system = load_force_field(folder).export(out, smiles, seed=seed)
    n_atoms, n_types, path = len(system.positions), len(system.elements), out / "system.data"
    found = {"n_atoms": n_atoms, "n_types": n_types, "data_file": str(path)}
    click.echo(json.dumps(found) if as_json else f"{n_atoms} atoms, {n_types} types: {path}")
