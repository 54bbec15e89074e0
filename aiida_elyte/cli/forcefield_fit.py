"""``aiida-elyte forcefield fit``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.interruption import resumable
from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.label_names import labels_option
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida_elyte.science.labels.naming import LabelName

__all__ = ["fit"]


def _split(_ctx: click.Context, _parameter: click.Parameter, text: str) -> tuple[float, ...]:
    try:
        shares = tuple(float(part) for part in text.split("/"))
    except ValueError:
        shares = ()
    if len(shares) != 3 or shares[0] <= 0 or min(shares) < 0:
        raise InputError(f"--split is {text!r}; expected shares of train, validation and test; as --split 60/20/20")
    return shares


def _smiles(_ctx: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    for (name, _, molecule), word in zip(pairs, words, strict=True):
        if not name or not molecule:
            raise InputError(f"--smiles is {word!r}; expected NAME=SMILES; as --smiles G1=COCCOC")
    return {name: molecule for name, _, molecule in pairs}


@click.command("fit")
@click.argument("data", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="For forcefield.json, test.extxyz.",
)
@click.option("--terms", type=click.Choice(["class2", "class1"]), default="class2", show_default=True)
@click.option(
    "--typing",
    type=click.Choice(["discrete", "continuous"]),
    default="discrete",
    show_default=True,
    help="continuous: a network, network.pt, reads parameters off the graph, of molecules not in DATA too.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the split and bootstrap.")
@click.option("--split", default="60/20/20", show_default=True, callback=_split, help="To train on, validate on, test.")
@click.option("--bootstrap", is_flag=True, help="Draw the clusters to train on anew with replacement.")
@click.option(
    "--members",
    type=click.IntRange(0, 99),
    default=0,
    metavar="N",
    help="Fit an ensemble too, of the same split, with a bootstrap each: forcefield_00.json …",
)
@click.option(
    "--energies",
    "energy_error",
    type=click.FloatRange(min=0, min_open=True),
    metavar="ERROR",
    help="Fit energies too, up to an offset a system, with this error expected of them [kcal/mol].",
)
@click.option(
    "--smiles",
    multiple=True,
    metavar="NAME=SMILES",
    callback=_smiles,
    help="Molecules of the system of this name; from its first frame where not given.",
)
@click.option("--charge-scale", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--keep-net-force", is_flag=True, help="Fit the labels with their net force, which no model has.")
@labels_option
@click.option("--resume", is_flag=True, help="Go on from forcefield.json in the folder, fitted with the same split.")
@json_option
def fit(data: Path, names: "Mapping[str, LabelName]", keep_net_force: bool, as_json: bool, **options: Any) -> None:
    """Fit to DATA: extxyz of clusters with forces [eV/Å], dft_charge or charges [e], and as info system and charge.

    The best so far is in the folder after each step.
    """
    from aiida_elyte.api.forcefield import fit_force_field
    from aiida_elyte.api.labels import read_clusters
    from aiida_elyte.cli.datasets import print_notes
    from aiida_elyte.cli.error_tables import force_field_errors

    is_discrete = options["typing"] == "discrete"
    read = read_clusters(data, names)
    print_notes(read)
    again = "forcefield.json is the best so far: add --resume to go on from it" if is_discrete else "fit anew"
    with resumable(again):
        fitted = fit_force_field(
            read, project_net_force=not keep_net_force, progress=lambda line: click.echo(line, err=True), **options
        )
    record = fitted.force_field.record
    settings, errors = record["settings"], record["errors"]
    notes = [f"net force of the labels is {settings['net_force_rms_kcal_mol_A']:.3g} kcal/mol/Å a frame"]
    if is_discrete:
        n_undetermined = len(errors["undetermined"])
        notes.append(
            f"{n_undetermined} of {errors['n_parameters']} parameters are not determined by the data; forcefield.json "
            "names them"
        )
    click.echo("\n".join(f"Note: {note}" for note in notes), err=True)
    if as_json:
        click.echo(json.dumps({"folder": str(options["folder"]), "test": fitted.errors, "record": record}, indent=2))
    elif fitted.errors is not None:
        click.echo("\n".join(force_field_errors(fitted.errors)))
