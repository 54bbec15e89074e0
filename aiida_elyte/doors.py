"""The doors for plug-ins: what is installed, and what each door needs; ``load("labellers", "own")``."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

from aiida_elyte.errors import InputError, suggest

__all__ = ["GROUPS", "load", "load_all", "names", "naming", "read_points", "singular"]

_PREFIX = "aiida_elyte."

_NEEDS = {
    "labellers": (
        "default_code",
        "get_builder_from_protocol",
        "gives",
        "labels_per_frame",
        "level_of_theory",
        "merge_overrides",
        "pick_code",
        "potential_overrides",
        "pseudo_family_overrides",
        "python_modules",
        "seconds",
        "spec",
        "validate_elements",
        "validate_level",
    ),
    "trainers": (
        "code_role",
        "error_key",
        "get_builder_from_protocol",
        "makes",
        "needs",
        "rates",
        "spec",
        "status_key",
    ),
    "families": (
        "describe",
        "load",
        "modules",
        "name",
        "packages",
        "pretrained",
        "recognises",
        "reference",
        "versions",
    ),
    "samplers": ("CODES", "get_builder_from_protocol", "spec"),
    "selectors": ("are_uncertain", "explain", "needs_committee", "probabilities", "select"),
    "filters": ("reason",),
    "seeds": ("make", "seed"),
    "qualifications": ("judge",),
}
"""What is asked of a plug-in of each group; the page ``docs/development/new_<thing>.md`` says what each one means."""

_SEED_JOB_NEEDS = ("get_builder_from_protocol", "spec")
"""What is asked of a kind of seeds that is a WorkChain."""

GROUPS = tuple(_NEEDS)
"""The doors: ``aiida_elyte.<group>`` is the group of entry points of each."""

_REMOVED = {
    "terms": "terms was removed; force-field terms are part of aiida_elyte.science.forcefield.terms, and LAMMPS input "
    f"is written for those alone; expected one of {', '.join(GROUPS)}; use another labeller, trainer or family instead",
}


def names(group: str) -> list[str]:
    """Return the names registered in a group, e.g. ``labellers``.

    Raises
    ------
    InputError
        If the group is unknown, or was removed; or if two distributions register a name of it.
    """
    return sorted(_find(group))


def load(group: str, name: str) -> Any:
    """Load a plug-in.

    Parameters
    ----------
    group
        One of ``GROUPS``.
    name
        Name of its entry point in ``aiida_elyte.<group>``.

    Raises
    ------
    InputError
        If no plug-in of that name is installed, naming those that come close; if the group is unknown, or two
        distributions register a name of it; or if the plug-in cannot be imported, or lacks what its door needs.
    """
    known = _find(group)
    if not isinstance(name, str):
        raise InputError(
            f"{singular(group)} is {name!r}; expected the name of an installed plug-in: {', '.join(sorted(known))}"
        )
    if name not in known:
        hint = suggest(name, sorted(known)) or f"; installed are {', '.join(sorted(known)) or 'none'}"
        raise InputError(f"{singular(group)} {name!r} is unknown; expected the name of an installed plug-in{hint}")
    point = known[name]
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{singular(group)} {name!r} cannot be imported ({_describe(error)}); expected {point.value} to be "
            "installed; install its package anew"
        ) from error
    _check_needs(group, found, f"{singular(group)} {name!r} ({point.value})")
    return found


def load_all(group: str) -> dict[str, Any]:
    """Return the plug-ins of a group by name, without those that cannot be loaded.

    Raises
    ------
    InputError
        As of ``names``.
    """
    found = {}
    for name in names(group):
        try:
            found[name] = load(group, name)
        except InputError:
            # Nobody asked for this one by name; `load` gives the reason to those who do.
            continue
    return found


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Reject whatever a plug-in raises, by a sentence that begins with what was asked of it.

    Parameters
    ----------
    what
        That beginning, e.g. ``filter 'own' failed on frame 3``.

    Raises
    ------
    InputError
        If something was raised; an ``InputError`` passes as it is.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what}: {_describe(error)}; correct the plug-in, or leave it out") from error


def read_points(one: Distribution) -> tuple[EntryPoint, ...]:
    """Return the entry points of a distribution, none if its list of them is malformed."""
    try:
        return tuple(one.entry_points)
    except (TypeError, ValueError):
        # A line without "=", or bytes that are no text: any package on the path may have it, seldom a plug-in.
        return ()


def singular(group: str) -> str:
    """Return what to call a plug-in of a group."""
    return {"families": "family", "seeds": "kind of seeds"}.get(group, group.removesuffix("s"))


def _find(group: str) -> dict[str, EntryPoint]:
    """Return the plug-ins of a group by name; one that is registered twice with the same value is one."""
    if group not in GROUPS:
        raise InputError(
            _REMOVED.get(group)
            or f"group {group!r} of plug-ins is unknown; expected one of {', '.join(GROUPS)}{suggest(group, GROUPS)}"
        )
    found: dict[str, EntryPoint] = {}
    for point in _points(tuple(sys.path)):
        if point.group != _PREFIX + group:
            continue
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            owners = " and ".join(f"{_owner(one)} ({one.value})" for one in (other, point))
            raise InputError(
                f"{singular(group)} {point.name!r} is registered by {owners}; expected one plug-in of that name; "
                "uninstall one of them, or rename its entry point"
            )
    return found


@cache
def _points(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return the plug-ins on a path; finding them reads a file of every distribution.

    Of a distribution that is there twice the first counts, as it does for imports.
    """
    found: dict[str, list[EntryPoint]] = {}
    for one in distributions(path=list(path)):
        if points := [point for point in read_points(one) if point.group.startswith(_PREFIX)]:
            found.setdefault(re.sub("[-_.]+", "-", str(one.name)).lower(), points)
    return tuple(point for points in found.values() for point in points)


def _owner(point: EntryPoint) -> str:
    return "an unknown distribution" if point.dist is None else str(point.dist.name)


def _check_needs(group: str, found: Any, what: str) -> None:
    """Reject what lacks something that its door needs."""
    page = f"docs/development/new_{singular(group) if group != 'seeds' else 'seed_kind'}.md"
    if not isinstance(found, type):
        raise InputError(f"{what} is {found!r}; expected a class; see {page}")
    settings = getattr(found, "__dataclass_fields__", ())
    is_seed_job = group == "seeds" and not settings and hasattr(found, "spec")
    needs = _SEED_JOB_NEEDS if is_seed_job else _NEEDS[group]
    given = {*dir(found), *settings} - getattr(found, "__abstractmethods__", set())
    if lacks := [name for name in needs if name not in given]:
        raise InputError(f"{what} lacks {', '.join(lacks)}; expected a class that has them; see {page}")


def _describe(error: BaseException) -> str:
    """Return what was raised in one line; what an import lacks says so itself."""
    said = " ".join(str(error).split())
    if isinstance(error, ImportError | AttributeError) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
