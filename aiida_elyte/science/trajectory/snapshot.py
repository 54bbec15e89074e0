"""One frame as a trajectory file tells it, before anything is checked or completed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Snapshot", "SnapshotReader", "defect_of"]

_LARGEST = 1e9
"""No cell is longer, no atom farther away [Å] nor faster [Å/fs]."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a file tells of one frame; ``None`` is what it does not tell."""

    positions_A: np.ndarray
    """Positions [Å], float32 where the file is in single precision, else float64, shape ``(n_atoms, 3)``."""
    cell_A: np.ndarray | None
    """Rows are the cell vectors [Å], shape ``(3, 3)``."""
    velocities_A_fs: np.ndarray | None = None
    """Velocities [Å/fs], shape ``(n_atoms, 3)``."""
    symbols: np.ndarray | None = None
    """Name of each atom's element, shape ``(n_atoms,)``."""
    types: np.ndarray | None = None
    """Name of each atom's type in its force field, shape ``(n_atoms,)``."""
    masses: np.ndarray | None = None
    """Mass of each atom [amu], shape ``(n_atoms,)``."""
    time_fs: float | None = None
    """Time [fs]."""
    step: int | None = None
    """Number of the MD step."""
    counter: int | None = None
    """A number that grows by the same amount from frame to frame, whatever it counts."""
    is_unwrapped: bool = False
    """Whether the file says that positions run on through the faces of the cell."""
    time_source: str = ""
    """Where ``time_fs`` comes from, in words, as ``DELTA of the DCD header``."""


SnapshotReader = Callable[[Path, int, int, list[str]], Iterator[Snapshot]]
"""Takes a file, the first frame wanted, the stride and a list for its notes; yields snapshots in one pass."""


def defect_of(snapshot: Snapshot) -> str | None:
    """Return which numbers of a frame cannot be, ``None`` if all are finite and the cell has a volume."""
    if snapshot.time_fs is not None and not np.isfinite(snapshot.time_fs):
        return "has a time that is not finite"
    cell = snapshot.cell_A
    with np.errstate(all="ignore"):
        if cell is not None and not np.abs(cell).max() < _LARGEST:
            return f"has a cell that is not finite, or beyond {_LARGEST:g} Å"
        if cell is not None and not abs(float(np.linalg.det(cell))) > 0:
            return "has a cell without volume"
        for name, values in (("positions", snapshot.positions_A), ("velocities", snapshot.velocities_A_fs)):
            # a product with itself overlooks no value, as sums of large ones of both signs do, and is the fastest pass
            flat = () if values is None else values.ravel()
            if len(flat) and not float(np.dot(flat, flat)) < _LARGEST**2:
                return f"has {name} that are not finite, or beyond {_LARGEST:g}"
    return None
