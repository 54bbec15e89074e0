"""Protocols ``fast``, ``balanced``, ``stringent``: one YAML file a WorkChain, every number with its origin."""

from collections.abc import Collection, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from aiida_quantumespresso.workflows.protocols.utils import ProtocolMixin as _ProtocolMixin
from aiida_quantumespresso.workflows.protocols.utils import recursive_merge

from aiida_elyte.errors import InputError, suggest

__all__ = ["ProtocolMixin", "check_overrides", "recursive_merge"]

_AUTO = "auto"


class ProtocolMixin(_ProtocolMixin):
    """Protocols of our WorkChains, in the shape Quantum ESPRESSO's users know."""

    PROTOCOL: str
    """Name of the YAML file in this folder, without suffix."""
    PLUGINS: tuple[tuple[str, ...], ...] = ()
    """Where the protocol has plug-ins by name: there ``null`` in place of settings switches one off."""
    SWITCHES: tuple[tuple[str, ...], ...] = ()
    """Where the protocol has the settings of a part that ``null`` in their place switches off."""

    @classmethod
    def get_protocol_filepath(cls) -> Path:
        """Return the path of the YAML file."""
        return Path(__file__).parent / f"{cls.PROTOCOL}.yaml"

    @classmethod
    def get_inputs(
        cls, protocol: str | None, overrides: dict[str, Any] | None, options: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the protocol's inputs with ``overrides``, and ``options`` merged into its own.

        Raises
        ------
        InputError
            If overrides name what the protocol does not have, or replace a mapping by something else.
        """
        known = cls.get_protocol_inputs(protocol)
        check_overrides(overrides or {}, known, (), cls.__name__, cls.PLUGINS, cls.SWITCHES)
        inputs = cls.get_protocol_inputs(protocol, overrides)
        if options:
            inputs["options"] = recursive_merge(inputs.get("options", {}), options)
        return inputs


def check_overrides(
    given: Any,
    protocol: Mapping[str, Any],
    others: Collection[str],
    name: str,
    plugins: Collection[tuple[str, ...]] = (),
    switches: Collection[tuple[str, ...]] = (),
) -> None:
    """Reject overrides that a protocol does not have: a misspelt key would change nothing and go unnoticed.

    Parameters
    ----------
    given
        The overrides.
    protocol
        What they change: a mapping where it has mappings.
    others
        Other keys that they may have.
    name
        Whose overrides they are.
    plugins
        Keys that lead to mappings in which ``None`` may stand for a mapping.
    switches
        Keys that lead to mappings for which ``None`` may stand.

    Raises
    ------
    InputError
        If a key is unknown, its value has the wrong shape, or a number is not finite.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"overrides of {name} are {given!r}; expected a mapping with {', '.join(protocol)}")
    known = [*dict.fromkeys([*protocol, *others])]
    for key in given:
        if key not in known:
            raise InputError(
                f"overrides of {name} have {key!r}; expected {', '.join(protocol) or ', '.join(known)}"
                f"{suggest(str(key), known)}"
            )
    _check_shape(given, protocol, name, plugins, switches, ())


def _check_shape(
    given: Mapping[str, Any],
    protocol: Mapping[str, Any],
    name: str,
    plugins: Collection[tuple[str, ...]],
    switches: Collection[tuple[str, ...]],
    above: tuple[str, ...],
) -> None:
    for key, value in given.items():
        expected = protocol.get(key)
        if not isinstance(expected, Mapping):
            _check_value(key, value, expected, name)
            # Whole numbers at the top of a protocol are ports, which would round or fail without saying where.
            if not above and type(expected) is int and type(value) is not int:
                raise InputError(f"overrides of {name} have {key}: {value!r}; expected a whole number")
            continue
        if value is None and (above in plugins or (*above, key) in switches):
            continue
        if not isinstance(value, Mapping):
            kinds = f" with {', '.join(expected)}" if expected else ""
            raise InputError(f"overrides of {name} have {key}: {value!r}; expected a mapping{kinds}")
        _check_shape(value, expected, name, plugins, switches, (*above, key))


def _check_value(key: str, value: Any, expected: Any, name: str) -> None:
    """Reject one value for a list, a list or a mapping for one value, and numbers that are not finite.

    The word ``auto`` and what it is the choice of, as the three numbers of a supercell, may stand for each other.
    """
    if value == _AUTO or (expected == _AUTO and isinstance(value, list | tuple)):
        expected = None
    if isinstance(expected, list) and value is not None and not isinstance(value, list | tuple):
        raise InputError(f"overrides of {name} have {key}: {value!r}; expected a list, as {expected!r}")
    if isinstance(expected, str | int | float) and isinstance(value, Mapping | list | tuple):
        kind = "a word" if isinstance(expected, str) else "one value"
        raise InputError(f"overrides of {name} have {key}: {value!r}; expected {kind}, as {expected!r}")
    _check_finite(key, value, name)


def _check_finite(key: str, value: Any, name: str) -> None:
    """Reject numbers that are not finite, however deep they are: no setting is one, and no node holds one."""
    if isinstance(value, float) and not isfinite(value):
        raise InputError(f"overrides of {name} have {key}: {value!r}; expected a finite number")
    if isinstance(value, Mapping):
        for inner, one in value.items():
            _check_finite(inner, one, name)
    elif isinstance(value, list | tuple):
        for one in value:
            _check_finite(key, one, name)
