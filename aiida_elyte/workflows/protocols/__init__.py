"""Protocols ``fast``, ``balanced``, ``stringent``: one YAML file a WorkChain, every number with its origin."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from aiida_quantumespresso.workflows.protocols.utils import ProtocolMixin as _ProtocolMixin
from aiida_quantumespresso.workflows.protocols.utils import recursive_merge

from aiida_elyte.errors import InputError, suggest

__all__ = ["ProtocolMixin", "check_overrides", "recursive_merge"]


class ProtocolMixin(_ProtocolMixin):
    """Protocols of our WorkChains, in the shape Quantum ESPRESSO's users know."""

    PROTOCOL: str
    """Name of the YAML file in this folder, without suffix."""
    PLUGINS: tuple[tuple[str, ...], ...] = ()
    """Where the protocol has plug-ins by name: there ``null`` in place of settings switches one off."""

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
        check_overrides(overrides or {}, cls.get_protocol_inputs(protocol), cls._ports(), cls.__name__, cls.PLUGINS)
        inputs = cls.get_protocol_inputs(protocol, overrides)
        if options:
            inputs["options"] = recursive_merge(inputs.get("options", {}), options)
        return inputs

    @classmethod
    def _ports(cls) -> Collection[str]:
        """Return the names of the ports that overrides may fill although the protocol does not."""
        return cls.spec().inputs if hasattr(cls, "spec") else ()


def check_overrides(
    given: Any,
    protocol: Mapping[str, Any],
    ports: Collection[str],
    name: str,
    plugins: Collection[tuple[str, ...]] = (),
) -> None:
    """Reject overrides that a protocol does not have: a misspelt key would change nothing and go unnoticed.

    Parameters
    ----------
    given
        The overrides.
    protocol
        What they change: a mapping where it has mappings.
    ports
        Other keys that they may have.
    name
        Whose overrides they are.
    plugins
        Keys that lead to mappings in which ``None`` may stand for a mapping.

    Raises
    ------
    InputError
        If a key is unknown or its value has the wrong shape.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"overrides of {name} are {given!r}; expected a mapping with {', '.join(protocol)}")
    known = [*dict.fromkeys([*protocol, *ports])]
    for key in given:
        if key not in known:
            raise InputError(
                f"overrides of {name} have {key!r}; expected {', '.join(protocol) or ', '.join(known)}"
                f"{suggest(str(key), known)}"
            )
    _check_shape(given, protocol, name, plugins, ())


def _check_shape(
    given: Mapping[str, Any],
    protocol: Mapping[str, Any],
    name: str,
    plugins: Collection[tuple[str, ...]],
    above: tuple[str, ...],
) -> None:
    for key, value in given.items():
        expected = protocol.get(key)
        if not isinstance(expected, Mapping) or (value is None and above in plugins):
            continue
        if not isinstance(value, Mapping):
            kinds = f" with {', '.join(expected)}" if expected else ""
            raise InputError(f"overrides of {name} have {key}: {value!r}; expected a mapping{kinds}")
        _check_shape(value, expected, name, plugins, (*above, key))
