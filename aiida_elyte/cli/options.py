"""Options that every street has."""

from collections.abc import Callable
from pathlib import Path

import click

from aiida_elyte.cli.json_option import json_option

__all__ = ["street_options"]

_OPTIONS = (
    click.option("--protocol", help="fast, balanced or stringent."),
    click.option(
        "--overrides", type=click.Path(path_type=Path), metavar="FILE.yaml", help="What to change of the protocol."
    ),
    click.option("--max-wallclock-s", type=click.IntRange(min=1), help="Wall time of each job [s]."),
    click.option("--dry-run", is_flag=True, help="Check everything, show what it would cost, submit nothing."),
    click.option("--detach", is_flag=True, help="Submit and return."),
    click.option("--run", is_flag=True, help="Compute in this process, without the daemon."),
    click.option("--force", is_flag=True, help="Compute again what is there already."),
    json_option,
)


def street_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every street has."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
