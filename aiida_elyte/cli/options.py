"""Options that every street has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.pairs import parse_pairs

__all__ = ["How", "overrides_option", "street_options"]


@dataclass(frozen=True)
class How:
    """How a street is launched."""

    dry_run: bool = False
    """Whether nothing is submitted."""
    detach: bool = False
    """Whether it is left alone once it is submitted."""
    run: bool = False
    """Whether it is computed in this process."""
    force: bool = False
    """Whether what is there already is computed again."""
    as_json: bool = False
    """Whether JSON is printed."""


def _read_overrides(_ctx: click.Context, _option: click.Parameter, path: Path | None) -> Mapping[str, Any]:
    from aiida_elyte.api.overrides import read_overrides

    return read_overrides(path)


def _parse_codes(_ctx: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    return parse_pairs(words, "--code", "python=python@cluster")


overrides_option = click.option(
    "--overrides",
    type=click.Path(path_type=Path),
    metavar="FILE.yaml",
    callback=_read_overrides,
    help="What to change of the protocol.",
)
_OPTIONS = (
    click.option("--protocol", help="fast, balanced or stringent."),
    overrides_option,
    click.option(
        "--labeller", metavar="NAME", help="Engine of the labels, a plug-in; that of the protocol if left out."
    ),
    click.option(
        "--code",
        "codes",
        multiple=True,
        metavar="ROLE=CODE",
        callback=_parse_codes,
        help="E.g. python=python@cluster, engine=lmp@cluster; a labeller by its name.",
    ),
    click.option("--max-wallclock-s", type=click.IntRange(min=1), help="Wall time of each job [s]."),
    click.option("--dry-run", is_flag=True, help="Check everything, show what it would cost, submit nothing."),
    click.option("--detach", is_flag=True, help="Submit and return."),
    click.option("--run", is_flag=True, help="Compute in this process, without the daemon."),
    click.option("--force", is_flag=True, help="Compute again what is there already."),
    json_option,
)


def street_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every street has; those of ``How`` reach the command as one argument ``how``."""

    @wraps(function)
    def command(*arguments: Any, **options: Any) -> None:
        how = How(**{field.name: options.pop(field.name) for field in fields(How)})
        function(*arguments, how=how, **options)

    decorated: Callable[..., None] = command
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
