"""Protocols ``fast``, ``balanced``, ``stringent``: one YAML file a WorkChain, every number with its origin."""

from pathlib import Path
from typing import Any

from aiida_quantumespresso.workflows.protocols.utils import ProtocolMixin as _ProtocolMixin
from aiida_quantumespresso.workflows.protocols.utils import recursive_merge

__all__ = ["ProtocolMixin", "recursive_merge"]


class ProtocolMixin(_ProtocolMixin):
    """Protocols of our WorkChains, in the shape Quantum ESPRESSO's users know."""

    PROTOCOL: str
    """Name of the YAML file in this folder, without suffix."""

    @classmethod
    def get_protocol_filepath(cls) -> Path:
        """Return the path of the YAML file."""
        return Path(__file__).parent / f"{cls.PROTOCOL}.yaml"

    @classmethod
    def get_inputs(
        cls, protocol: str | None, overrides: dict[str, Any] | None, options: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the protocol's inputs with ``overrides``, and ``options`` merged into its own."""
        inputs = cls.get_protocol_inputs(protocol, overrides)
        if options:
            inputs["options"] = recursive_merge(inputs.get("options", {}), options)
        return inputs
