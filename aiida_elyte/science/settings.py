"""Settings as users give them: records with known keys, and checks of their values."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import partial
from itertools import chain
from math import isfinite, prod
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from aiida_elyte.errors import InputError, suggest

__all__ = [
    "ChargeScale",
    "Count",
    "Flag",
    "NotNegative",
    "Number",
    "Positive",
    "Settings",
    "Share",
    "Temperature",
    "Whole",
    "check_between",
    "check_charge_scale",
    "check_choice",
    "check_count",
    "check_device",
    "check_flag",
    "check_n_cells",
    "check_not_negative",
    "check_number",
    "check_positive",
    "check_share",
    "check_temperature",
    "read_record",
    "refuse_unknown",
]

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


def check_between(name: str, value: Any, least: float, most: float, expected: str) -> None:
    """Reject anything but a number between the least and the most, which are those that mean something.

    Parameters
    ----------
    name
        What the number is called.
    value
        The number, of Python or NumPy.
    least, most
        Bounds, in the unit of the number; both are allowed.
    expected
        What it is, in words.

    Raises
    ------
    InputError
        If it is something else.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise InputError(f"{name} is {value!r}; expected {expected} from {least:g} to {most:g}")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Reject anything but one of several words.

    Raises
    ------
    InputError
        If it is something else.
    """
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name} is {value!r}; expected {' or '.join(map(repr, choices))}")


def check_n_cells(name: str, repeats: Sequence[int]) -> None:
    """Reject a supercell of more cells than a run could hold.

    Raises
    ------
    InputError
        If it has more.
    """
    if prod(repeats) > _MOST_CELLS:
        raise InputError(f"{name} is {list(repeats)}, {prod(repeats)} cells; expected {_MOST_CELLS} at most")


_MOST_CELLS = 10**5
"""Cells of a supercell; those of the smallest crystals have two atoms."""
_HOTTEST_K = 1e5
"""No matter of atoms that are bound to each other is hotter [K]."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


@dataclass(frozen=True)
class _Check:
    """What a value has to be."""

    expected: str
    """In words."""
    holds: Callable[[Any], bool]
    """Whether a value is that."""

    def __call__(self, name: str, value: Any) -> None:
        """Reject a value that is something else.

        Raises
        ------
        InputError
            If it is.
        """
        if not self.holds(value):
            raise InputError(f"{name} is {value!r}; expected {self.expected}")


check_positive = _Check("a positive number", lambda value: _is_number(value) and value > 0)
check_not_negative = _Check("a number, 0 or more", lambda value: _is_number(value) and value >= 0)
check_number = _Check("a number", _is_number)
check_share = _Check("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
check_temperature = _Check(
    f"a positive number up to {_HOTTEST_K:g}, in K", lambda value: _is_number(value) and 0 < value <= _HOTTEST_K
)
check_device = _Check(
    "auto, cpu or cuda",
    lambda value: isinstance(value, str) and re.fullmatch(r"auto|(cpu|cuda|xpu|mps|hpu)(:\d+)?", value) is not None,
)
check_flag = _Check("true or false", lambda value: isinstance(value, bool))
check_charge_scale = partial(check_between, least=0.01, most=10.0, expected="a positive number")

Count = Annotated[int, check_count]
"""A whole number above zero."""
Whole = Annotated[int, partial(check_count, least=0)]
"""A whole number, which may be zero."""
Number = Annotated[float, check_number]
"""A finite number."""
Positive = Annotated[float, check_positive]
"""A number above zero."""
NotNegative = Annotated[float, check_not_negative]
"""A number, which may be zero."""
ChargeScale = Annotated[float, check_charge_scale]
"""What charges are multiplied by."""
Share = Annotated[float, check_share]
"""A number from 0 to 1."""
Temperature = Annotated[float, check_temperature]
"""A temperature [K]."""
Flag = Annotated[bool, check_flag]
"""True or false."""


@dataclass(frozen=True)
class Settings:
    """A record of settings that checks the fields of the types above; one of ``Count | None`` may be ``None``, too.

    Raises
    ------
    InputError
        If a value is not one that its type allows.
    """

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            value, kinds = getattr(self, name), get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
            if value is None and NoneType in kinds:
                continue
            for check in chain.from_iterable(getattr(kind, "__metadata__", ()) for kind in kinds):
                check(name, value)
