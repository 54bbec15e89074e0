"""A crystal as a file gives it."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms

__all__ = ["CrystalFile"]


@dataclass(frozen=True)
class CrystalFile:
    """What was read of one file."""

    atoms: Atoms
    """Atoms of the cell, periodic; one for each place, however full it is."""
    occupancies: np.ndarray
    """Part of each place that is filled [1], shape ``(atoms,)``."""
    partial: tuple[str, ...] = ()
    """Sites that are not full, as ``Li1 (Li 0.441)``."""
    named: str | None = None
    """Space group as the file names it; ``None`` if it names none."""
    group: str | None = None
    """Space group under which its sites were repeated; ``None`` if it lists all atoms, or the setting has no symbol."""
    formula: str | None = None
    """Formula as the file states it; ``None`` if it states none."""
    z: float | None = None
    """Formula units in the cell as the file states them."""
    notes: tuple[str, ...] = ()
    """What was decided in reading: merged, chosen, left out."""
