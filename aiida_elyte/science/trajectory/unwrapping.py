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
    """Follows atoms from frame to frame, and sums their displacements over groups.

    Displacements are not added up step by step: a displacement is the position less an origin, which is the first
    position and moves by a cell vector whenever its atom crosses a face. So a frame costs little more than one
    difference, and rounding errors do not grow: origins and sums are in double precision, whatever the positions are.

    Parameters
    ----------
    weights
        Weight of each atom in each sum, shape ``(n_sums, n_atoms)``.
    is_unwrapped
        Whether positions are known to run on through the faces: steps of any length are then taken as they are, less
        what a change of the cell moves an atom that is n cells away.
    """

    def __init__(self, weights: np.ndarray, *, is_unwrapped: bool = False) -> None:
        self._weights = np.asarray(weights, float)
        self._shape = (self._weights.shape[1], 3)
        self._is_unwrapped = is_unwrapped
        self._is_breathing = False
        self._cell: _Cell | None = None
        self._given = self._origins = np.zeros(self._shape)
        self._sums_of_origins = np.zeros((len(self._weights), 3))

    @property
    def displacements_A(self) -> np.ndarray:
        """Displacement of each atom since the first frame [Å], shape ``(n_atoms, 3)``."""
        return np.asarray(self._given - self._origins)

    @property
    def sums_A(self) -> np.ndarray:
        """Weighted sums of the displacements [Å], shape ``(n_sums, 3)``."""
        return np.asarray(self._weights @ self._given.astype(float, copy=False) - self._sums_of_origins)

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:
        """Take in the next frame.

        Parameters
        ----------
        positions
            Positions [Å], shape ``(n_atoms, 3)``; steps are looked at in single precision where these are.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``.

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
        flat = positions.ravel()
        if not np.isfinite(flat @ flat):
            raise InputError("has positions that are not finite; expected numbers; cut the trajectory before it")
        before, given = self._cell, self._given
        now = before if before is not None and np.array_equal(cell, before.vectors) else _Cell.of(cell)
        if before is None:
            self._move_origins(slice(None), positions.astype(float))
        elif self._is_unwrapped:
            if now is not before:
                self._move_origins(slice(None), before.cells_away(given) @ (now.vectors - before.vectors))
        else:
            begins = now is not before and not self._is_breathing
            if begins:  # from now on all positions are wrapped, the ones before this too
                given = before.wrap(given)
            if begins or self._is_breathing:
                positions = now.wrap(positions)
            crossed = now.crossings(positions - given)
            if begins:
                self._move_origins(slice(None), given - self._given)
                self._is_breathing = True
            self._move_origins(*crossed)
        self._given, self._cell = positions, now

    def _move_origins(self, rows: np.ndarray | slice, moved: np.ndarray) -> None:
        self._origins[rows] += moved
        self._sums_of_origins += self._weights[:, rows] @ moved

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what is needed to go on later, as arrays."""
        cell = np.zeros((0, 3)) if self._cell is None else self._cell.vectors
        return {
            "given": self._given.copy(),
            "origins": self._origins.copy(),
            "sums_of_origins": self._sums_of_origins.copy(),
            "cell": cell.copy(),
            "is_breathing": np.array(self._is_breathing),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken."""
        self._given, self._origins = np.array(state["given"]), np.array(state["origins"])
        self._sums_of_origins = np.array(state["sums_of_origins"])
        self._cell = _Cell.of(np.array(state["cell"])) if len(state["cell"]) else None
        self._is_breathing = bool(state["is_breathing"])


@dataclass(frozen=True)
class _Cell:
    vectors: np.ndarray
    inverse: np.ndarray
    shortest: float | None
    """Shortest edge of a box with right angles along the axes, else ``None``."""

    @classmethod
    def of(cls, vectors: np.ndarray) -> "_Cell":
        if vectors.shape != (3, 3) or not abs(float(np.linalg.det(vectors))) > 0:
            raise InputError("has no cell of positive volume; expected three cell vectors; set the cell")
        shortest = float(np.diagonal(vectors).min())
        is_box = np.count_nonzero(vectors) == 3 and shortest > 0
        return cls(np.array(vectors, float), np.linalg.inv(vectors), shortest if is_box else None)

    def wrap(self, positions: np.ndarray) -> np.ndarray:
        """Return positions within the cell, in double precision."""
        return np.asarray(positions - self.cells_away(positions) @ self.vectors)

    def cells_away(self, positions: np.ndarray) -> np.ndarray:
        """Return how many cells away from the first each position is."""
        return np.floor(positions.astype(float, copy=False) @ self.inverse)

    def crossings(self, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which atoms make long steps, and the lattice vectors nearest to those.

        Raises
        ------
        InputError
            When a step is too long to tell its nearest image from others.
        """
        if self.shortest is not None:  # plain numbers tell which steps are worth a closer look
            seen, limit = steps, _SAFE_STEP * self.shortest
        else:
            seen, limit = steps @ self.inverse.astype(steps.dtype), _SAFE_STEP
        rows = np.flatnonzero(np.abs(seen.ravel()) > limit) // 3
        is_new = np.ones(rows.size, bool)  # an atom once, whatever its long components
        is_new[1:] = rows[1:] > rows[:-1]
        rows = rows[is_new]
        scaled = steps[rows].astype(float) @ self.inverse
        images = np.rint(scaled)
        left = np.abs(scaled - images)
        if (left > _SAFE_STEP).any():
            row, axis = np.unravel_index(int(left.argmax()), left.shape)
            raise InputError(
                f"moves atom {rows[row]} by {left[row, axis]:.2f} of the cell along vector {axis} in one step; "
                f"expected less than {_SAFE_STEP}, as half a cell cannot be told from its image; write frames more "
                "often, or unwrapped"
            )
        return rows, images @ self.vectors
