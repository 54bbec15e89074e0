"""``aiida-elyte evaluate``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiida_elyte.cli.label_names import labels_option
from aiida_elyte.cli.profile import open_profile
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida_elyte.science.labels.naming import LabelName
    from aiida_elyte.science.potentials.potential import Potential

__all__ = ["command"]


@click.command("evaluate")
@click.argument("potentials")
@click.argument("test", type=click.Path(path_type=Path))
@labels_option
@click.option("--json", "as_json", is_flag=True, help="Print what a machine can read.")
def command(potentials: str, test: Path, names: "Mapping[str, LabelName]", as_json: bool) -> None:
    """Compare POTENTIALS (a folder with m00.pt …, or a PK) with the labels of TEST (extxyz or what else ASE reads)."""
    from aiida_elyte.cli.datasets import print_notes, read_dataset
    from aiida_elyte.science.frames import require_labels
    from aiida_elyte.science.potentials.errors import ensemble_errors

    read = read_dataset(test, names=names)
    frames = read.frames
    require_labels(frames, name=str(test))
    print_notes(read)
    members = _load(potentials)
    errors = ensemble_errors(list(members.values()), frames)
    errors["members"] = [{"name": name, **error} for name, error in zip(members, errors["members"], strict=True)]
    errors["n_frames"] = len(frames)
    if as_json:
        click.echo(json.dumps(errors, indent=2))
        return
    from aiida_elyte.cli.show import table

    rows = [["", "F MAE / meV/Å", "F RMSE / meV/Å", "E MAE / meV/atom"]]
    for name, error in [*((member["name"], member) for member in errors["members"]), ("ensemble", errors["ensemble"])]:
        keys = ("force_mae_eV_A", "force_rmse_eV_A", "energy_mae_eV_atom")
        rows.append([name, *(f"{1000 * error[key]:.2f}" for key in keys)])
    click.echo("\n".join([f"{len(frames)} frames of {test}", *table(rows)]))


def _load(source: str) -> "dict[str, Potential]":
    """Return the members by name; a folder needs no AiiDA profile."""
    from aiida_elyte.cli.datasets import load_potential_nodes, member_files

    path = Path(source)
    is_file = path.exists() or not source.isdecimal()
    if is_file:
        contents: dict[str, bytes] = {file.stem: file.read_bytes() for file in member_files(path)}
    else:
        open_profile()
        contents = {name: node.get_content(mode="rb") for name, node in load_potential_nodes(source).items()}
    try:
        from aiida_elyte.science.potentials.files import load_potential
    except ImportError as error:
        raise InputError(
            f"{error.name} is not installed; evaluate needs it; pip install 'aiida-elyte[train]'"
        ) from error
    return {name: load_potential(content) for name, content in contents.items()}
