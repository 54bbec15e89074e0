"""Displacements of atoms followed through the faces of a periodic cell.

Unwrapping is toroidal: a step is the nearest image of the difference of wrapped positions in the new cell, which leaves
diffusion unbiased when the cell breathes (DOI 10.1063/5.0008316, 10.1021/acs.jctc.3c00308). A jump of half a cell
between two frames cannot be told from its image.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError

__all__ = ["Unwrapper"]

_SAFE_STEP = 0.4
"""Part of the cell that an atom may cross between two frames; at one half its image is as near."""


class Unwrapper:
    """Follows atoms from frame to frame.

    Displacements are not added up step by step: they are differences of positions, plus a correction for each face
    crossed. So a frame costs little more than one difference, and rounding errors do not grow.

    Parameters
    ----------
    n_atoms
        Number of atoms.
    is_unwrapped
        Whether positions are known to run on through the faces: steps of any length are then taken as they are, less
        what a change of the cell moves an atom that is n cells away.
    """

    def __init__(self, n_atoms: int, *, is_unwrapped: bool = False) -> None:
        self._shape = (n_atoms, 3)
        self._is_unwrapped = is_unwrapped
        self._is_breathing = False
        self._cell: _Cell | None = None
        self._first = self._given = np.zeros(self._shape)
        self._corrections = np.zeros(self._shape)

    @property
    def displacements_A(self) -> np.ndarray:
        """Displacement of each atom since the first frame [Å], shape ``(n_atoms, 3)``."""
        return self._corrections + self._given - self._first

    def add(self, positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Take in the next frame.

        Parameters
        ----------
        positions
            Positions [Å], shape ``(n_atoms, 3)``; single precision is worked with as such.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``.

        Returns
        -------
        numpy.ndarray
            Step of each atom since the frame before [Å], shape ``(n_atoms, 3)``; zero in the first.

        Raises
        ------
        InputError
            When the frame cannot follow the one before, its name to be put in front; nothing is changed then.
        """
        if positions.shape != self._shape:
            raise InputError(
                f"has positions of shape {positions.shape}; expected {self._shape}; keep all atoms in every frame"
            )
        positions = np.array(positions, np.float32 if positions.dtype == np.float32 else np.float64)
        before = self._cell
        now = before if before is not None and np.array_equal(cell, before.vectors) else _Cell.of(cell)
        has_changed = before is not None and now is not before
        given, is_breathing, shift = self._given, self._is_breathing, None
        if not self._is_unwrapped and before is not None and (has_changed or is_breathing):
            if not is_breathing:  # from now on all positions are wrapped, this one too
                given, is_breathing = before.wrap(self._given), True
                shift = self._given - given
            positions = now.wrap(positions)
        step = positions - given if before is not None else np.zeros_like(positions)
        flat = (step if before is not None else positions).ravel()
        if not np.isfinite(flat @ flat):
            raise InputError("has positions that are not finite; expected numbers; cut the trajectory before it")
        if self._is_unwrapped:
            if has_changed and before is not None:
                moved = before.cells_away(given) @ (now.vectors - before.vectors)
                step = step - moved
                self._corrections -= moved
        elif (crossed := now.images(step, _SAFE_STEP)) is not None:
            rows, moved = crossed
            step[rows] -= moved
            if now.images(step[rows], _SAFE_STEP) is not None:
                raise _too_far(now, step, rows)
            self._corrections[rows] -= moved
        if shift is not None:
            self._corrections += shift
        if before is None:
            self._first = positions
        self._given, self._cell, self._is_breathing = positions, now, is_breathing
        return step

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what is needed to go on later, as arrays."""
        cell = np.zeros((0, 3)) if self._cell is None else self._cell.vectors
        return {
            "first": self._first.copy(),
            "given": self._given.copy(),
            "corrections": self._corrections.copy(),
            "cell": cell.copy(),
            "is_breathing": np.array(self._is_breathing),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken."""
        self._first, self._given = np.array(state["first"]), np.array(state["given"])
        self._corrections = np.array(state["corrections"], float)
        self._cell = _Cell.of(np.array(state["cell"])) if len(state["cell"]) else None
        self._is_breathing = bool(state["is_breathing"])


@dataclass(frozen=True)
class _Cell:
    vectors: np.ndarray
    inverse: np.ndarray
    sides: np.ndarray | None
    """Edges of a box with right angles along the axes, else ``None``."""

    @classmethod
    def of(cls, vectors: np.ndarray) -> "_Cell":
        if vectors.shape != (3, 3) or not abs(float(np.linalg.det(vectors))) > 0:
            raise InputError("has no cell of positive volume; expected three cell vectors; set the cell")
        sides = np.diagonal(vectors)
        is_box = np.count_nonzero(vectors) == 3 and bool((sides > 0).all())
        return cls(np.array(vectors, float), np.linalg.inv(vectors), sides.astype(float) if is_box else None)

    def wrap(self, positions: np.ndarray) -> np.ndarray:
        """Return positions within the cell, in double precision."""
        return np.asarray(positions - self.cells_away(positions) @ self.vectors)

    def cells_away(self, positions: np.ndarray) -> np.ndarray:
        """Return how many cells away from the first each position is."""
        return np.floor(positions @ self.inverse)

    def scale(self, steps: np.ndarray) -> np.ndarray:
        """Return steps in units of the cell vectors."""
        return steps / self.sides if self.sides is not None else steps @ self.inverse

    def images(self, steps: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray] | None:
        """Return which steps are longer than a part of the cell, and the lattice vectors nearest to them, if any is."""
        if self.sides is not None:  # first whether any is long at all, by the shortest side: one look at plain numbers
            long = np.flatnonzero(np.abs(steps.ravel()) > limit * self.sides.min())
            if not long.size:
                return None
            rows = np.unique(long // 3)
        else:
            rows = np.flatnonzero((np.abs(steps @ self.inverse) > limit).any(axis=1))
        scaled = self.scale(steps[rows].astype(float))
        far = (np.abs(scaled) > limit).any(axis=1)
        if not far.any():
            return None
        return rows[far], np.rint(scaled[far]) @ self.vectors


def _too_far(cell: _Cell, steps: np.ndarray, rows: np.ndarray) -> InputError:
    scaled = np.abs(cell.scale(steps[rows].astype(float)))
    row, axis = np.unravel_index(int(scaled.argmax()), scaled.shape)
    return InputError(
        f"moves atom {rows[row]} by {scaled[row, axis]:.2f} of the cell along vector {axis} in one step; expected less "
        f"than {_SAFE_STEP}, as half a cell cannot be told from its image; write frames more often, or unwrapped"
    )
