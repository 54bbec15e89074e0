"""The option by which a user says what labels are called in a file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aiida_elyte.science.labels.naming import LabelName

__all__ = ["labels_option"]


def _parse(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> "Mapping[str, LabelName]":
    if text is None:
        return {}
    from aiida_elyte.science.labels.naming import parse_label_names

    return parse_label_names(text)


labels_option = click.option(
    "--labels",
    "names",
    metavar="LABEL=NAME,…",
    callback=_parse,
    help="Names of labels in files that call them otherwise, as energy=my_E,forces=my_F; stress, virial and charges "
    "too; with a unit as energy=E[Hartree].",
)
