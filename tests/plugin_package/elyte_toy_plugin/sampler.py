"""A sampler: molecular dynamics with a protocol of its own."""

from typing import Any

from aiida_elyte.workflows.md import MdBaseWorkChain
from aiida_elyte.workflows.protocols import recursive_merge

__all__ = ["OverdampedMdWorkChain"]


class OverdampedMdWorkChain(MdBaseWorkChain):
    """Dynamics with strong friction, which stays near where it begins."""

    @classmethod
    def get_inputs(
        cls, protocol: str | None, overrides: dict[str, Any] | None, options: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the inputs of the protocol with more friction."""
        strong = {"settings": {"friction_per_ps": 50.0}}
        inputs: dict[str, Any] = super().get_inputs(protocol, recursive_merge(strong, overrides or {}), options)
        return inputs
