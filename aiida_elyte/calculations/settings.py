"""Validators of settings, shared by CalcJobs and WorkChains."""

from collections.abc import Callable
from typing import Any

from aiida import orm

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import read_record

__all__ = ["validate_record"]


def validate_record(kind: type) -> Callable[[Any, Any], str | None]:
    """Return a validator that rejects a dictionary that does not fill a record of settings.

    Parameters
    ----------
    kind
        A dataclass that checks its fields; those without a default are required.
    """

    def validate(node: orm.Dict | None, port: Any) -> str | None:
        try:
            if node is not None:
                read_record(kind, node.get_dict(), port.name)
        except InputError as error:
            return str(error)
        return None

    return validate
