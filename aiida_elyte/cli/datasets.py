"""Frames named on the command line, by file or by PK, and what is to be said of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.science.labels.naming import LabelName
    from aiida_elyte.science.labels.reading import Dataset

__all__ = ["load_frames_node", "print_notes"]


def print_notes(found: "Dataset") -> None:
    """Print on standard error which names labels came from, notes, what was left out and what may be wrong."""
    if found.taken is not None:
        click.echo(f"Note: {found.taken}", err=True)
    for sentence in found.notes:
        click.echo(f"Note: {sentence}", err=True)
    for sentence in (*found.left_out, *found.warnings):
        click.echo(f"Warning: {sentence}", err=True)


def load_frames_node(source: str, names: "Mapping[str, LabelName] | None" = None) -> "FramesData":
    """Return the FramesData of a PK or UUID, or that of a file, and print what is to be said of it.

    Raises
    ------
    InputError
        If the file is unusable, or the node is of another type.
    """
    from aiida_elyte.api.nodes import find_frames

    node, read = find_frames(source, names)
    if read is not None:
        print_notes(read)
    return node
