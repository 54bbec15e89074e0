"""``aiida-elyte import``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.label_names import labels_option
from aiida_elyte.cli.profile import open_profile
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida_elyte.science.labels.naming import LabelName
    from aiida_elyte.science.labels.reading import Dataset

__all__ = ["command"]

_MOST = 20
"""Names of a file that a message lists."""


@click.command("import")
@click.argument("frames", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--level-of-theory", metavar="TEXT", help="What made the labels; required where the file does not say.")
@labels_option
@click.option("--unlabelled", is_flag=True, help="Import bare geometries, of which no frame has a label.")
@click.option("--label", default="", help="Label of the node.")
@click.option("--json", "as_json", is_flag=True, help="Print what a machine can read.")
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
    from aiida_elyte.cli.datasets import as_node, print_notes, read_dataset, require_level
    from aiida_elyte.science.frames import labels_of
    from aiida_elyte.science.labels.summary import summarise
    from aiida_elyte.science.labels.theory import require_one_level

    read = {}
    for path in frames:
        read[path] = read_dataset(path, level_of_theory, names)
        if not unlabelled:
            _require_some_label(read[path], path)
        require_level(read[path].frames, str(path))
    found = [frame for one in read.values() for frame in one.frames]
    require_one_level([frame for frame in found if labels_of(frame)], "the set")
    for one in read.values():
        print_notes(one if as_json else replace(one, left_out=[], notes=[], sources={}))
    open_profile(create=True)
    node = as_node(found, label or frames[0].name)
    is_stored = node.is_stored
    if not is_stored:
        node.store()
    description = {
        "pk": node.pk,
        "uuid": node.uuid,
        **dict(node.base.attributes.items()),
        **summarise(found),
        "already_stored": is_stored,
        "label_sources": {str(path): one.sources for path, one in read.items()},
        "notes": [sentence for one in read.values() for sentence in one.notes],
        "left_out": [sentence for one in read.values() for sentence in one.left_out],
        "warnings": [sentence for one in read.values() for sentence in one.warnings],
    }
    if as_json:
        click.echo(json.dumps(description, indent=2))
    else:
        _print(description, [one.taken for one in read.values() if one.taken is not None])


def _require_some_label(found: "Dataset", path: Path) -> None:
    """Reject a file none of whose frames has a label: its labels have names that are not known."""
    if found.sources:
        return
    names = ", ".join(found.keys[:_MOST]) + (" …" if len(found.keys) > _MOST else "")
    raise InputError(
        f"{path}: no frame has a label under a known name; the file has {names or 'nothing but elements and positions'}"
        "; expected energy and forces; name them with --labels energy=NAME,forces=NAME, or add --unlabelled to import "
        "bare geometries"
    )


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
