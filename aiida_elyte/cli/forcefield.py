"""``aiida-elyte forcefield``: labelled clusters to a class-2 force field and its LAMMPS files, without AiiDA."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.files import resumable, write_files
from aiida_elyte.cli.label_names import labels_option
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms

    from aiida_elyte.science.forcefield.fit import FitStep
    from aiida_elyte.science.forcefield.model import ForceField
    from aiida_elyte.science.labels.naming import LabelName
    from aiida_elyte.science.molecules.topology import Topology

__all__ = ["command", "load_force_field"]

_FILE = "forcefield.json"
_NETWORK_FILE = "network.pt"
_MEMBER_FILES = "forcefield_[0-9][0-9].json"
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
@click.option(
    "--typing",
    type=click.Choice(["discrete", "continuous"]),
    default="discrete",
    show_default=True,
    help=f"continuous: a network, {_NETWORK_FILE}, reads parameters off the graph, of molecules not in DATA too.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the split and bootstrap.")
@click.option(
    "--split", default="60/20/20", show_default=True, metavar="TRAIN/VALIDATION/TEST", help="Shares of frames."
)
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
    type=click.FloatRange(min=0, min_open=True),
    metavar="ERROR",
    help="Fit energies too, up to an offset a system, with this error expected of them [kcal/mol].",
)
@click.option(
    "--smiles",
    multiple=True,
    metavar="NAME=SMILES",
    help="Molecules of the system of this name; from its first frame where not given.",
)
@click.option("--charge-scale", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--keep-net-force", is_flag=True, help="Fit the labels with their net force, which no model has.")
@labels_option
@click.option("--resume", is_flag=True, help=f"Go on from {_FILE} in the folder, fitted with the same split.")
def fit(
    data: Path,
    out: Path,
    terms: str,
    typing: str,
    seed: int,
    split: str,
    bootstrap: bool,
    members: int,
    energies: float | None,
    smiles: tuple[str, ...],
    charge_scale: float,
    keep_net_force: bool,
    names: "Mapping[str, LabelName]",
    resume: bool,
) -> None:
    """Fit to DATA: extxyz of clusters with forces [eV/Å], dft_charge or charges [e], and as info system and charge.

    The best so far is in the folder after each step.
    """
    if resume and typing == "continuous":
        raise InputError("--resume is given for continuous typing; expected discrete; fit anew, it takes minutes")
    shares, molecules = _shares(split), _molecules(smiles)
    frames = _read(data, names)
    import numpy as np

    from aiida_elyte.science.forcefield.continuous_fit import fit_continuous
    from aiida_elyte.science.forcefield.dataset import fit_fingerprint, group_frames, split_systems
    from aiida_elyte.science.forcefield.fit import evaluate_forces, fit_force_field
    from aiida_elyte.science.frames import write_frames

    split_rng, draw_rng = np.random.default_rng(seed).spawn(2)
    parts = iter(split_systems(frames, [share for share in shares if share], split_rng))
    train, validation, test = (next(parts) if share else [] for share in shares)
    record = {"data": {"file": data.name, "sha256": fit_fingerprint(frames), "split": split, "seed": seed}}
    systems, held_back, unseen = (
        group_frames(part, smiles=molecules) if part else () for part in (train, validation, test)
    )
    for system in (*systems, *held_back, *unseen):
        if system.charges is None:
            raise InputError(f"{system.name} of {data} has no charges; expected dft_charge or charges; label them")
    start = load_force_field(out) if resume else None
    if start is not None:
        asked = {
            "terms": terms,
            "charge_scale": charge_scale,
            "project_net_force": not keep_net_force,
            "is_bootstrap": bootstrap,
        }
        _check_same(out / _FILE, start.record, {**record, "settings": asked})
    for stale in [out / _NETWORK_FILE, *out.glob(_MEMBER_FILES)]:
        stale.unlink(missing_ok=True)

    if test:
        write_files({out / _TEST_FILE: write_frames(test)})

    def keep(force_field: "ForceField", name: str = _FILE) -> "ForceField":
        whole = replace(force_field, record={**force_field.record, **record})
        write_files({out / name: whole.to_json()})
        return whole

    def tell(number: int, train_rmse: float, validation_rmse: float | None) -> None:
        held_back = "" if validation_rmse is None else f", validation {validation_rmse:.3f}"
        click.echo(f"step {number}: train {train_rmse:.3f}{held_back} kcal/mol/Å", err=True)

    def tell_and_keep(step: "FitStep") -> None:
        keep(step.force_field)
        tell(step.number, step.train_rmse, step.validation_rmse)

    options: dict[str, Any] = {
        "terms": terms,
        "charge_scale": charge_scale,
        "project_net_force": not keep_net_force,
        "energy_error": energies,
    }

    def learn(rng: "np.random.Generator | None", name: str) -> "ForceField":
        if typing == "discrete":
            on_step = tell_and_keep if name == _FILE else None
            found = fit_force_field(systems, held_back, bootstrap=rng, start=start, on_step=on_step, **options)
        else:
            network = fit_continuous(systems, held_back, seed=seed, bootstrap=rng, on_round=tell, **options)
            if name == _FILE:
                write_files({out / _NETWORK_FILE: network.to_bytes()})
            found = network.freeze([system.topology for system in systems])
        return keep(found, name)

    again = "fit anew" if typing == "continuous" else f"{_FILE} is the best so far: add --resume to go on from it"
    with resumable(again):
        fitted = learn(draw_rng if bootstrap else None, _FILE)
        for number, rng in enumerate(draw_rng.spawn(members)):
            learn(rng, f"forcefield_{number:02d}.json")
            click.echo(f"member {number} of {members}: forcefield_{number:02d}.json", err=True)
    settings, errors = fitted.record["settings"], fitted.record["errors"]
    click.echo(
        f"Note: net force of the labels is {settings['net_force_rms_kcal_mol_A']:.3g} kcal/mol/Å a frame", err=True
    )
    if typing == "discrete":
        click.echo(
            f"Note: {len(errors['undetermined'])} of {errors['n_parameters']} parameters are not determined by the "
            f"data; {_FILE} names them",
            err=True,
        )
    if test:
        own = [system.retyped(fitted.depth) for system in unseen]
        click.echo("\n".join(_table(evaluate_forces(fitted, own))))


@command.command("evaluate")
@click.argument("folder", type=_FOLDER)
@click.argument("test", type=_DATA)
@labels_option
@click.option("--json", "json_path", type=_DATA, metavar="OUT", help="Errors.")
def evaluate(folder: Path, test: Path, names: "Mapping[str, LabelName]", json_path: Path | None) -> None:
    """Compare forces of the force field in FOLDER with the labels of TEST, by system."""
    frames = _read(test, names)
    from aiida_elyte.science.forcefield.dataset import group_frames
    from aiida_elyte.science.forcefield.fit import evaluate_forces

    systems = group_frames(frames)
    force_field = _load_for(folder, [system.topology for system in systems])
    content = evaluate_forces(force_field, [system.retyped(force_field.depth) for system in systems])
    if json_path is not None:
        write_files({json_path: json.dumps(content, indent=2, ensure_ascii=False) + "\n"})
    click.echo("\n".join(_table(content)))


@command.command("export")
@click.argument("folder", type=_FOLDER)
@click.option("--smiles", required=True, metavar="SMILES", help="Molecules, with dots between, as COCCOC.[Li+].")
@click.option("--out", type=_FOLDER, required=True, metavar="DIR", help="Folder for system.data and in.lammps.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the geometry.")
def export(folder: Path, smiles: str, out: Path, seed: int) -> None:
    """Write molecules with the force field in FOLDER as a data file and input of LAMMPS, as an isolated cluster.

    With continuous typing they need not be among those that were fitted.
    """
    from aiida_elyte.science.lammps.export import as_lammps_system, place_molecules
    from aiida_elyte.science.lammps.system import data_file, input_file
    from aiida_elyte.science.molecules.topology import topology_from_smiles
    from aiida_elyte.science.molecules.typing import assign_types

    topology = topology_from_smiles(smiles)
    force_field = _load_for(folder, [topology])
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


def _molecules(smiles: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in smiles]
    for (name, _, molecule), each in zip(pairs, smiles, strict=True):
        if not name or not molecule:
            raise InputError(f"--smiles is {each!r}; expected NAME=SMILES; as --smiles G1=COCCOC")
    return {name: molecule for name, _, molecule in pairs}


def _read(path: Path, names: "Mapping[str, LabelName]") -> "list[Atoms]":
    """Return the frames of a file; without an origin, each is a cluster of its own."""
    from aiida_elyte.cli.datasets import print_notes
    from aiida_elyte.science.labels.reading import read_dataset

    found = read_dataset(path, names)
    print_notes(found)
    return found.frames


def _check_same(path: Path, found: Mapping[str, Any], asked: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse to go on from a force field that was fitted to other data, or in another way."""
    if found.get("data") != asked["data"]:
        raise InputError(f"{path} was fitted to another split of data; expected {asked['data']}; fit anew")
    for name, value in asked["settings"].items():
        before = (found.get("settings") or {}).get(name)
        if before != value:
            raise InputError(f"{path} was fitted with {name} {before}; expected that, not {value}; fit anew")


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


def _load_for(folder: Path, topologies: "Sequence[Topology]") -> "ForceField":
    """Return the force field in a folder; where it has a network, with what that reads off these molecules."""
    from aiida_elyte.science.forcefield.continuous import ContinuousTyping

    path = folder / _NETWORK_FILE
    if not path.exists():
        return load_force_field(folder)
    try:
        return ContinuousTyping.from_bytes(path.read_bytes()).freeze(topologies)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _table(content: Mapping[str, Any]) -> list[str]:
    from aiida_elyte.cli.show import table

    rows = [["system", "frames", "force RMSE [kcal/mol/Å]", "MAE"]]
    for name, one in {**content["systems"], "overall": content["overall"]}.items():
        errors = (one["force_rmse_kcal_mol_A"], one["force_mae_kcal_mol_A"])
        rows.append([name, str(one["n_frames"]), *(f"{error:.3f}" for error in errors)])
    return table(rows)
