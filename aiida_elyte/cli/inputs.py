"""What the streets are asked for on the command line, read and checked alike."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from aiida_elyte.api.codes import find_code
from aiida_elyte.api.labels import require_level
from aiida_elyte.errors import InputError, suggest

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = [
    "LabelRequest",
    "ase_settings",
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
    if request.labeller == "qe" or request.labeller in request.codes:
        codes[request.labeller] = find_code(request.codes.get(request.labeller, "pw@localhost"))
    return codes


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
    node: Any, request: "LabelRequest", labels: "ProcessBuilder | None", learning: str = "active_learning"
) -> None:
    """Refuse a data set of several levels of theory, or of another than that of the labels learning will add.

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
    from aiida_elyte.science.labels.theory import difference, require_one_level

    level = require_one_level(node.get_frames(), str(request.dataset))
    if labels is None:
        return
    wanted: str | None
    sentence: str | None
    if request.labeller == "qe":  # its level is known in full only after the first label
        wanted, sentence = "a level of DFT", "it is semi-empirical" if "xtb" in level.lower() else None
    else:
        wanted = ase_settings(labels).get("level_of_theory")
        sentence = None if wanted is None else difference(level, wanted)
    if sentence is not None:
        raise InputError(
            f"{request.dataset} is of level of theory {level!r}; expected {wanted}, which the labeller "
            f"{request.labeller!r} adds in the rounds of learning ({sentence}); label with the same engine, or set "
            f"{learning}.learning.max_rounds to 0 in --overrides"
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


def ase_settings(labels: "ProcessBuilder") -> dict[str, Any]:
    """Return the settings of the labeller ``ase``, ``{}`` for another."""
    settings = labels._inputs(prune=True).get("ase", {}).get("settings")
    return {} if settings is None else dict(settings.get_dict())
