"""What the streets are asked for on the command line, read and checked alike."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from aiida_elyte.api.codes import check_runnable, find_code
from aiida_elyte.api.labels import require_level
from aiida_elyte.errors import InputError, suggest
from aiida_elyte.plugins import load

if TYPE_CHECKING:
    from aiida import orm

__all__ = [
    "LabelRequest",
    "check_codes",
    "check_dataset",
    "check_elements",
    "check_levels",
    "check_protocol",
    "find_codes",
    "read_overrides",
]


class LabelRequest(Protocol):
    """What of a request tells the labels."""

    labeller: str
    dataset: str | None
    codes: Mapping[str, str]


def read_overrides(path: Path | None) -> dict[str, Any]:
    """Return the content of a YAML file with overrides, ``{}`` for none.

    Raises
    ------
    InputError
        When it is missing or no mapping.
    """
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"overrides file {path} cannot be read ({error}); expected a YAML file") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(
            f"overrides file {path} holds a {type(content).__name__}; expected a mapping, e.g. "
            f"`conductivity: {{max_in_flight: 1}}`"
        )
    return content


def check_protocol(name: str | None, process: Any) -> None:
    """Refuse a protocol that a WorkChain lacks."""
    known = list(process.get_available_protocols())
    if name is not None and name not in known:
        raise InputError(f"protocol {name!r} is unknown; expected one of {', '.join(known)}{suggest(name, known)}")


def find_codes(request: LabelRequest, defaults: Mapping[str, str]) -> "dict[str, orm.AbstractCode]":
    """Return the code of each role, the labeller's where it has one of its own.

    Parameters
    ----------
    request
        Tells ``codes`` and ``labeller``.
    defaults
        Role of the street → label of the code that plays it unless the request names another.

    Raises
    ------
    InputError
        When a code is missing, or is given for a role that nobody plays.
    """
    roles = [*defaults, request.labeller]
    for role in request.codes:
        if role not in roles:
            expected = f"{', '.join(roles[:-1])} or {roles[-1]}"
            raise InputError(f"--code has the role {role!r}; expected {expected}{suggest(role, roles)}")
    codes = {role: find_code(request.codes.get(role, default)) for role, default in defaults.items()}
    own = request.codes.get(request.labeller, load("labellers", request.labeller).default_code)
    return codes if own is None else codes | {request.labeller: find_code(own)}


def check_codes(
    codes: "Mapping[str, orm.AbstractCode]",
    needs: Sequence[str],
    labeller: str,
    labels: Mapping[str, Any],
    programs: tuple[str, ...] = (),
) -> None:
    """Reject codes that cannot run.

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
    """
    modules = load("labellers", labeller).python_modules(labels)
    for role, code in codes.items():
        is_python, is_labeller = role == "python", role == (labeller if labeller in codes else "python")
        check_runnable(
            code,
            (*(needs if is_python else ()), *(modules if is_labeller else ())),
            programs if is_python else (),
        )


def check_dataset(node: Any, name: str, symbols: Sequence[str]) -> None:
    """Refuse a data set without labels, their level of theory, or an element.

    Raises
    ------
    InputError
        Naming what is missing.
    """
    from aiida_elyte.science.frames import require_labels

    frames = node.get_frames()
    require_labels(frames, name=name)
    require_level(frames, name)
    check_elements(node, name, symbols, "has no frame with")


def check_levels(
    node: Any, request: "LabelRequest", labels: Mapping[str, Any] | None, learning: str = "active_learning"
) -> None:
    """Reject a data set of several levels of theory, or of another than that of the labels learning will add.

    Parameters
    ----------
    node
        The data set.
    request
        Tells ``dataset`` and ``labeller``.
    labels
        Inputs of the labeller; ``None`` where nothing is learned.
    learning
        Name of the street's inputs of learning.

    Raises
    ------
    InputError
        Naming the levels.
    """
    from aiida_elyte.science.labels.theory import require_one_level

    frames = node.get_frames()
    level = require_one_level(frames, str(request.dataset))
    if labels is None:
        return
    labeller = load("labellers", request.labeller)
    sentence = labeller.validate_level(labels, level, sorted({symbol for frame in frames for symbol in frame.symbols}))
    if sentence is not None:
        raise InputError(
            f"{request.dataset} is of level of theory {level!r}; expected "
            f"{labeller.level_of_theory(labels) or 'its own'}, which the labeller {request.labeller!r} adds in the "
            f"rounds of learning ({sentence}); label with the same engine, or set {learning}.learning.max_rounds to 0 "
            "in --overrides"
        )


def check_elements(node: Any, name: str, symbols: Sequence[str], lacks: str) -> None:
    """Refuse a node without an element.

    Raises
    ------
    InputError
        Naming those it lacks.
    """
    missing = sorted(set(symbols) - set(node.base.attributes.get("elements")))
    if missing:
        raise InputError(f"{name} {lacks} {', '.join(missing)}; expected every element; add frames with it")
