"""Sentences of the library in the words of the command line."""

import re

import click

__all__ = ["with_options"]

_WORD = re.compile(r"`(\w+)`")
"""A keyword of the library, as its sentences quote one."""


def with_options(sentence: str, command: click.Command | None = None) -> str:
    """Return a sentence that names options where it named keywords of the library.

    Parameters
    ----------
    sentence
        What the library says, keywords between backticks.
    command
        Whose options count, and those of the commands below it; the one that runs if it is not given.
    """
    options = _options(click.get_current_context().command if command is None else command)
    return _WORD.sub(lambda found: options.get(found[1], found[0]), sentence)


def _options(command: click.Command) -> dict[str, str]:
    """Return keyword → option, by the names of either."""
    found: dict[str, str] = {}
    for one in command.params:
        if isinstance(one, click.Option):
            option = max(one.opts, key=len)
            found |= {str(one.name): option, option.removeprefix("--").replace("-", "_"): option}
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        found |= _options(below)
    return found
