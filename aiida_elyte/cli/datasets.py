"""Frames named on the command line, by file or by PK, and what is to be said of them."""

from typing import TYPE_CHECKING

import click

from aiida_elyte.cli.option_names import with_options

if TYPE_CHECKING:
    from aiida_elyte.science.labels.reading import Dataset

__all__ = ["print_notes", "read_source"]


def print_notes(found: "Dataset") -> None:
    """Print on standard error which names labels came from, notes, what was left out and what may be wrong."""
    if found.taken is not None:
        click.echo(f"Note: {found.taken}", err=True)
    for sentence in found.notes:
        click.echo(f"Note: {with_options(sentence)}", err=True)
    for sentence in (*found.left_out, *found.warnings):
        click.echo(f"Warning: {with_options(sentence)}", err=True)


def read_source(source: str | None) -> "Dataset | str | None":
    """Return the frames of a file, having printed what is to be said of them, and anything else as it is: a PK or UUID.

    Raises
    ------
    InputError
        If the file is unusable.
    """
    from aiida_elyte.api.identifiers import names_file
    from aiida_elyte.api.labels import read_labelled_frames

    if source is None or not names_file(source):
        return source
    found = read_labelled_frames(source)
    print_notes(found)
    return found
