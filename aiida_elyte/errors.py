"""The few failures a caller branches on, and the hint that a misspelt word deserves."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["ElyteError", "EngineMissingError", "InputError", "Interruption", "ProgramFailure", "suggest"]


class ElyteError(Exception):
    """Base of every failure this package raises on purpose."""


class InputError(ElyteError, ValueError):
    """An input cannot be used.

    The message is one line: what was given, what was expected, what to do.
    """


class EngineMissingError(InputError):
    """A module or an engine is not installed where it is needed: the cause lies outside the inputs."""


class Interruption(ElyteError):  # noqa: N818 - ended by the user, not an error
    """A command was ended, by Ctrl-C or SIGTERM; the message says how it goes on."""


class ProgramFailure(ElyteError):  # noqa: N818 - a failure with a name, not a programmer's error
    """A program of ours ended in a way its parser knows by name.

    Parameters
    ----------
    kind
        Name of the failure in capitals, e.g. ``EXPLODED``; the parser maps it to ``ERROR_EXPLODED``.
    message
        One line for the user.
    results
        Whatever is worth keeping of the unfinished run; goes into ``results.json``.
    """

    def __init__(self, kind: str, message: str, **results: object) -> None:
        super().__init__(message)
        self.kind = kind
        self.results = results


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean …?"`` with the choices that resemble a word, an empty string if none does."""
    lowered = {choice.lower(): choice for choice in choices}
    close = [name for name in lowered if word and name.startswith(word.lower())]
    close = close or get_close_matches(word.lower(), list(lowered), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(lowered[name] for name in close[:3])}?" if close else ""
