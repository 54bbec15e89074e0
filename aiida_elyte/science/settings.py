"""Settings as users give them: records of what is known, and numbers that are some."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from math import isfinite
from typing import Any, TypeVar

from aiida_elyte.errors import InputError, suggest

__all__ = ["check_count", "check_flag", "check_positive", "read_record", "refuse_unknown"]

_Record = TypeVar("_Record")


def read_record(kind: type[_Record], content: Any, name: str) -> _Record:
    """Return a record of settings from a dictionary.

    Parameters
    ----------
    kind
        A dataclass that checks its fields; those without a default have to be there.
    content
        Its fields, as a user gives them.
    name
        What to call them.

    Raises
    ------
    InputError
        If it is not a dictionary, a key is unknown, one is lacking, or the record rejects its fields.
    """
    known = {field.name: field.default is field.default_factory is MISSING for field in fields(kind)}  # type: ignore[arg-type]
    refuse_unknown(name, content, known)
    lacking = [key for key, is_needed in known.items() if is_needed and key not in content]
    if lacking:
        raise InputError(f"{name} lacks {', '.join(lacking)}; expected a value for each")
    try:
        return kind(**content)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def refuse_unknown(name: str, content: Any, known: Collection[str]) -> None:
    """Reject what is not a dictionary, or has keys that nobody knows.

    Raises
    ------
    InputError
        If it is.
    """
    if not isinstance(content, Mapping):
        raise InputError(f"{name} is {content!r}; expected a mapping with {', '.join(known)}")
    for key in content:
        if key not in known:
            raise InputError(f"{name} has {key!r}; expected {', '.join(known)}{suggest(str(key), [*known])}")


def check_count(name: str, value: Any, least: int = 1, most: int = 2**63 - 1) -> None:
    """Reject anything but a whole number between the least and the most.

    Raises
    ------
    InputError
        If it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}; expected a whole number, {least} or more")
    if value > most:
        raise InputError(f"{name} is above {most}; expected a whole number up to that; give a smaller one")


def check_positive(name: str, value: Any) -> None:
    """Reject what is not a positive number.

    Raises
    ------
    InputError
        If it is.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and value > 0):
        raise InputError(f"{name} is {value!r}; expected a positive number")


def check_flag(name: str, value: Any) -> None:
    """Reject what is neither true nor false.

    Raises
    ------
    InputError
        If it is.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; expected true or false")
