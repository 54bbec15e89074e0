"""What a potential is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass

from ase import Atoms

__all__ = ["Evidence"]


@dataclass(frozen=True)
class Evidence:
    """What a test judges a potential by."""

    sampled: Sequence[Atoms]
    """Frames of dynamics with the potential, with what ``info`` says of each: ``spread_max_eV_A``,
    ``potential_energy_eV`` where they are known."""
    labelled: Sequence[Atoms]
    """Frames that the potential was trained on."""
