"""What every street is given, found and checked before anything is submitted: codes, protocol, labelled frames."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiida import orm

from aiida_elyte.api.codes import check_runnable, find_code
from aiida_elyte.api.labels import FrameSource, require_level
from aiida_elyte.api.nodes import find_frames
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError, suggest
from aiida_elyte.plugins import load
from aiida_elyte.science.frames import require_labels
from aiida_elyte.science.labels.theory import require_one_level

__all__ = [
    "find_dataset",
    "find_street_codes",
    "require_all_elements",
    "require_level_of_labels",
    "require_protocol",
    "require_runnable_codes",
    "wall_time",
]


def require_protocol(name: str | None, process: Any) -> None:
    """Raise an ``InputError`` if a WorkChain has no protocol of this name."""
    known = list(process.get_available_protocols())
    if name is not None and name not in known:
        raise InputError(f"protocol {name!r} is unknown; expected one of {', '.join(known)}{suggest(name, known)}")


def wall_time(seconds: int | None) -> dict[str, Any] | None:
    """Return the options that give each job this wall time [s], ``None`` if none is given."""
    return {"max_wallclock_seconds": seconds} if seconds else None


def find_street_codes(
    given: Mapping[str, str], labeller: str, defaults: Mapping[str, str]
) -> dict[str, orm.AbstractCode]:
    """Return the code of each role, the labeller's if it has one of its own.

    Parameters
    ----------
    given
        Role → label of the code that plays it.
    labeller
        Name of the labeller.
    defaults
        Role of the street → label of the code that plays it if none is given.

    Raises
    ------
    InputError
        If a code is missing, or is given for an unknown role.
    """
    roles = [*defaults, labeller]
    for role in given:
        if role not in roles:
            expected = f"{', '.join(roles[:-1])} or {roles[-1]}"
            raise InputError(f"`codes` has the role {role!r}; expected {expected}{suggest(role, roles)}")
    codes = {role: find_code(given.get(role, default)) for role, default in defaults.items()}
    own = given.get(labeller, load("labellers", labeller).default_code)
    return codes if own is None else codes | {labeller: find_code(own)}


def require_runnable_codes(
    codes: Mapping[str, orm.AbstractCode],
    needs: Sequence[str],
    labeller: str,
    labels: Mapping[str, Any],
    programs: tuple[str, ...] = (),
) -> None:
    """Reject codes that cannot run, as far as this machine can tell.

    Parameters
    ----------
    codes
        The codes, by role.
    needs, programs
        Python modules and programs that ``python`` must find.
    labeller
        Name of the labeller, whose modules its own code must find, or ``python`` where it has none.
    labels
        Inputs of the labeller.

    Raises
    ------
    InputError
        If an executable, a module or a program is missing.
    """
    modules = load("labellers", labeller).python_modules(labels)
    for role, code in codes.items():
        is_python, is_labeller = role == "python", role == (labeller if labeller in codes else "python")
        check_runnable(
            code,
            (*(needs if is_python else ()), *(modules if is_labeller else ())),
            programs if is_python else (),
        )


def find_dataset(source: FrameSource | orm.Node, symbols: Sequence[str]) -> tuple[FramesData, str]:
    """Return the node of labelled frames and what to call them in sentences.

    Parameters
    ----------
    source
        File, frames, PK, UUID or node.
    symbols
        Elements that must be among them.

    Raises
    ------
    InputError
        If they cannot be read, have no labels, state no level of theory, or lack an element.
    """
    node, read = find_frames(source)
    name = read.name if read is not None else str(node.pk if isinstance(source, orm.Node) else source)
    frames = node.get_frames()
    require_labels(frames, name=name)
    require_level(frames, name)
    require_all_elements(node, name, symbols, "has no frame with")
    return node, name


def require_level_of_labels(
    node: FramesData, name: str, labeller: str, labels: Mapping[str, Any] | None, learning: str
) -> None:
    """Reject frames of several levels of theory, or of another than that of the labels that learning adds.

    Parameters
    ----------
    node, name
        The frames, and what to call them.
    labeller, labels
        Name and inputs of the labeller; no inputs where nothing is learned.
    learning
        Name of the street's inputs of learning.

    Raises
    ------
    InputError
        If levels differ.
    """
    frames = node.get_frames()
    level = require_one_level(frames, name)
    if labels is None:
        return
    door = load("labellers", labeller)
    sentence = door.validate_level(labels, level, sorted({symbol for frame in frames for symbol in frame.symbols}))
    if sentence is not None:
        raise InputError(
            f"{name} is of level of theory {level!r}; expected {door.level_of_theory(labels) or 'its own'}, which the "
            f"labeller {labeller!r} adds in the rounds of learning ({sentence}); label with the same engine, or set "
            f"{learning}.learning.max_rounds to 0 in `overrides`"
        )


def require_all_elements(node: orm.Node, name: str, symbols: Sequence[str], lacks: str) -> None:
    """Reject a node without an element.

    Raises
    ------
    InputError
        If it lacks one of ``symbols``; ``name`` and ``lacks`` begin the sentence.
    """
    missing = sorted(set(symbols) - set(node.base.attributes.get("elements")))
    if missing:
        raise InputError(f"{name} {lacks} {', '.join(missing)}; expected every element; add frames with it")
