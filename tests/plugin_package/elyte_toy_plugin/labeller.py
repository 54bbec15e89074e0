"""A labeller: that of ASE, with a protocol and a calculator of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ase.data import atomic_numbers

from aiida_elyte.workflows.label.ase import AseLabelWorkChain

__all__ = ["SoftLabelWorkChain"]

_HEAVIEST = 54
"""Xenon: heavier atoms are not soft."""


class SoftLabelWorkChain(AseLabelWorkChain):
    """Label frames by soft spheres."""

    @classmethod
    def get_protocol_filepath(cls) -> Path:
        """Return the path of the protocol."""
        return Path(__file__).with_name("label_soft.yaml")

    @classmethod
    def validate_elements(cls, inputs: Mapping[str, Any], elements: Sequence[str]) -> str | None:
        """Return a sentence if an element is too heavy."""
        heavy = [symbol for symbol in elements if atomic_numbers[symbol] > _HEAVIEST]
        if not heavy:
            return None
        return f"soft spheres lack {', '.join(heavy)}; expected elements up to Xe; use another labeller"
