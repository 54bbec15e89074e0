"""``aiida-elyte import``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.label_names import labels_option
from aiida_elyte.cli.profile import open_profile

if TYPE_CHECKING:
    from aiida_elyte.science.labels.naming import LabelName

__all__ = ["command"]


@click.command("import")
@click.argument("frames", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--level-of-theory", metavar="TEXT", help="What made the labels; required where the file does not say.")
@labels_option
@click.option("--unlabelled", is_flag=True, help="Import bare geometries, of which no frame has a label.")
@click.option("--label", default="", help="Label of the node.")
@json_option
def command(
    frames: tuple[Path, ...],
    level_of_theory: str | None,
    names: "Mapping[str, LabelName]",
    unlabelled: bool,
    label: str,
    as_json: bool,
) -> None:
    """Make one node of FRAMES (extxyz, ASE traj or db, DeePMD folder, output of VASP or pw.x, …) with their labels.

    Frames that are stored already are not stored again.
    """
    from aiida_elyte.api.labels import read_importable
    from aiida_elyte.cli.datasets import print_notes

    read = read_importable(frames, level_of_theory=level_of_theory, labels=names, unlabelled=unlabelled)
    for one in read:
        print_notes(one if as_json else replace(one, left_out=[], notes=[], sources={}))
    open_profile(create=True)
    from aiida_elyte.api.nodes import import_frames

    description = import_frames(*read, unlabelled=unlabelled, label=label).describe()
    if as_json:
        click.echo(json.dumps(description, indent=2))
    else:
        _print(description, [one.taken for one in read if one.taken is not None])


def _print(description: Mapping[str, Any], taken: Sequence[str]) -> None:
    from aiida_elyte.science.labels.summary import summary_lines

    n_blocks = len(description["blocks"])
    stored = "already stored as" if description["already_stored"] else "stored as"
    click.echo(
        f"FramesData {description['pk']}: {description['count']} frames, {n_blocks} block{'' if n_blocks == 1 else 's'}"
    )
    labels = ", ".join(f"{name} of {count}" for name, count in description["label_counts"].items()) or "none"
    sizes = description["atom_counts"]
    lines = [
        ("node", f"{stored} {description['pk']}, {description['uuid']}"),
        ("atoms", f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"),
        *summary_lines(description),
        ("labels", labels),
        *(("taken", sentence.removeprefix("labels taken: ")) for sentence in dict.fromkeys(taken)),
        ("level of theory", ", ".join(description["levels_of_theory"]) or "none"),
        *(("note", sentence) for sentence in description["notes"]),
        *(("left out", sentence) for sentence in description["left_out"]),
    ]
    for heading, line in lines:
        click.echo(f"{heading:<17}{line}")
