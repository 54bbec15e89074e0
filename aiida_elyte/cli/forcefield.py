"""``aiida-elyte forcefield``: labelled clusters to a class-2 force field and its LAMMPS files, without AiiDA."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.files import write_files
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

    from aiida_elyte.science.forcefield.fit import FitStep
    from aiida_elyte.science.forcefield.model import ForceField

__all__ = ["command", "load_force_field"]

_FILE = "forcefield.json"
_TEST_FILE = "test.extxyz"

_FOLDER = click.Path(path_type=Path, file_okay=False)
_DATA = click.Path(path_type=Path, dir_okay=False)


@click.group("forcefield")
def command() -> None:
    """Class-2 force fields from labelled clusters: fit, evaluate, export to LAMMPS."""


@command.command("fit")
@click.argument("data", type=_DATA)
@click.option("--out", type=_FOLDER, required=True, metavar="DIR", help=f"Folder for {_FILE} and {_TEST_FILE}.")
@click.option("--terms", type=click.Choice(["class2", "class1"]), default="class2", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the split and bootstrap.")
@click.option(
    "--split", default="60/20/20", show_default=True, metavar="TRAIN/VALIDATION/TEST", help="Shares of frames."
)
@click.option("--bootstrap", is_flag=True, help="Draw the training frames anew with replacement, for ensembles.")
@click.option("--charge-scale", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--keep-net-force", is_flag=True, help="Fit the labels with their net force, which no model has.")
@click.option("--resume", is_flag=True, help=f"Go on from {_FILE} in the folder, fitted with the same split.")
def fit(
    data: Path,
    out: Path,
    terms: str,
    seed: int,
    split: str,
    bootstrap: bool,
    charge_scale: float,
    keep_net_force: bool,
    resume: bool,
) -> None:
    """Fit to DATA: extxyz of clusters with forces [eV/Å], dft_charge or charges [e], and as info system and charge.

    The best so far is in the folder after each step.
    """
    shares = _shares(split)
    frames = _read(data)
    import numpy as np
    from ase.io import write

    from aiida_elyte.science.forcefield.dataset import fingerprint, group_frames, split_frames
    from aiida_elyte.science.forcefield.fit import evaluate_forces, fit_force_field

    split_rng, draw_rng = np.random.default_rng(seed).spawn(2)
    parts = iter(split_frames(frames, [share for share in shares if share], split_rng))
    train, validation, test = (next(parts) if share else [] for share in shares)
    record = {"data": {"file": data.name, "sha256": fingerprint(frames), "split": split, "seed": seed}}
    systems = group_frames(train)
    start = load_force_field(out) if resume else None
    if start is not None and start.record.get("data") != record["data"]:
        raise InputError(f"{out / _FILE} was fitted to another split of data; expected {record['data']}; fit anew")

    if test:
        text = io.StringIO()
        write(text, test, format="extxyz")
        write_files({out / _TEST_FILE: text.getvalue()})

    def keep(force_field: "ForceField") -> "ForceField":
        whole = replace(force_field, record={**force_field.record, **record})
        write_files({out / _FILE: whole.to_json()})
        return whole

    def tell(step: "FitStep") -> None:
        keep(step.force_field)
        held_back = "" if step.validation_rmse is None else f", validation {step.validation_rmse:.3f}"
        click.echo(f"step {step.number}: train {step.train_rmse:.3f}{held_back} kcal/mol/Å", err=True)

    fitted = keep(
        fit_force_field(
            systems,
            group_frames(validation) if validation else (),
            terms=terms,
            charge_scale=charge_scale,
            project_net_force=not keep_net_force,
            bootstrap=draw_rng if bootstrap else None,
            start=start,
            on_step=tell,
        )
    )
    settings, errors = fitted.record["settings"], fitted.record["errors"]
    click.echo(
        f"Note: net force of the labels is {settings['net_force_rms_kcal_mol_A']:.3g} kcal/mol/Å a frame", err=True
    )
    click.echo(
        f"Note: {len(errors['undetermined'])} of {errors['n_parameters']} parameters are not determined by the data; "
        f"{_FILE} names them",
        err=True,
    )
    if test:
        click.echo("\n".join(_table(evaluate_forces(fitted, group_frames(test)))))


@command.command("evaluate")
@click.argument("folder", type=_FOLDER)
@click.argument("test", type=_DATA)
@click.option("--json", "json_path", type=_DATA, metavar="OUT", help="Errors.")
def evaluate(folder: Path, test: Path, json_path: Path | None) -> None:
    """Compare forces of the force field in FOLDER with the labels of TEST, by system."""
    force_field = load_force_field(folder)
    frames = _read(test)
    from aiida_elyte.science.forcefield.dataset import group_frames
    from aiida_elyte.science.forcefield.fit import evaluate_forces

    content = evaluate_forces(force_field, group_frames(frames, depth=force_field.depth))
    if json_path is not None:
        write_files({json_path: json.dumps(content, indent=2, ensure_ascii=False) + "\n"})
    click.echo("\n".join(_table(content)))


@command.command("export")
@click.argument("folder", type=_FOLDER)
@click.option("--smiles", required=True, metavar="SMILES", help="Molecules, with dots between, as COCCOC.[Li+].")
@click.option("--out", type=_FOLDER, required=True, metavar="DIR", help="Folder for system.data and in.lammps.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the geometry.")
def export(folder: Path, smiles: str, out: Path, seed: int) -> None:
    """Write molecules with the force field in FOLDER as a data file and input of LAMMPS, as an isolated cluster."""
    force_field = load_force_field(folder)
    from aiida_elyte.science.forcefield.export import as_lammps_system, place_molecules
    from aiida_elyte.science.forcefield.lammps import data_file, input_file
    from aiida_elyte.science.forcefield.topology import topology_from_smiles
    from aiida_elyte.science.forcefield.typing import assign_types

    topology = topology_from_smiles(smiles)
    types = assign_types(topology, force_field.depth)
    system = as_lammps_system(force_field, topology, types, place_molecules(smiles, seed))
    write_files(
        {out / "system.data": data_file(system, title=smiles), out / "in.lammps": input_file(system, "system.data")}
    )
    click.echo(f"{len(system.positions)} atoms, {len(system.elements)} types: {out / 'system.data'}")


def _shares(split: str) -> tuple[float, ...]:
    try:
        shares = tuple(float(part) for part in split.split("/"))
    except ValueError:
        shares = ()
    if len(shares) != 3 or shares[0] <= 0 or min(shares) < 0:
        raise InputError(f"--split is {split!r}; expected shares of train, validation and test; as --split 60/20/20")
    return shares


def _read(path: Path) -> "list[Atoms]":
    from ase.io import read

    try:
        frames = read(path, index=":", format="extxyz")
    except Exception as error:  # readers of ASE raise what they please
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"{path} cannot be read ({reason}); expected extxyz with forces; correct it") from error
    return list(frames)


def load_force_field(folder: Path) -> "ForceField":
    """Return the force field in a folder that ``forcefield fit`` wrote.

    Raises
    ------
    InputError
        When there is none that can be read.
    """
    from aiida_elyte.science.forcefield.model import ForceField

    path = folder / _FILE
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read; expected what `forcefield fit` wrote; run it first") from error
    try:
        return ForceField.from_json(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _table(content: Mapping[str, Any]) -> list[str]:
    from aiida_elyte.cli.show import table

    rows = [["system", "frames", "force RMSE [kcal/mol/Å]", "MAE"]]
    for name, one in {**content["systems"], "overall": content["overall"]}.items():
        errors = (one["force_rmse_kcal_mol_A"], one["force_mae_kcal_mol_A"])
        rows.append([name, str(one["n_frames"]), *(f"{error:.3f}" for error in errors)])
    return table(rows)
