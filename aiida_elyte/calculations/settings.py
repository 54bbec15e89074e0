"""Validators of settings, shared by CalcJobs and WorkChains."""

from collections.abc import Callable
from typing import Any

from aiida import orm

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import read_record

__all__ = ["holds", "no_record"]


def holds(kind: type) -> Callable[[Any, Any], str | None]:
    """Return a validator that refuses a dictionary which is none of a record of settings."""

    def validate(node: orm.Dict | None, port: Any) -> str | None:
        return None if node is None else no_record(kind, node.get_dict(), port.name)

    return validate


def no_record(kind: type, content: Any, name: str) -> str | None:
    """Refuse what is none of a record of settings.

    Parameters
    ----------
    kind
        A dataclass that checks its fields; those without a default have to be there.
    content
        Its fields, as a user gives them.
    name
        What to call them.
    """
    try:
        read_record(kind, content, name)
    except InputError as error:
        return str(error)
    return None
