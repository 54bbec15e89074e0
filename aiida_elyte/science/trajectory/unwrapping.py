"""Displacements of atoms followed through the faces of a periodic cell.

Unwrapping is toroidal: a step is the nearest image of the difference of wrapped positions in the new cell, which leaves
diffusion unbiased when the cell breathes (DOI 10.1063/5.0008316, 10.1021/acs.jctc.3c00308). A jump of half a cell
between two frames cannot be told from its image.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError

__all__ = ["Unwrapper"]

_SAFE_STEP = 0.4
"""Part of the cell that an atom may cross between two frames; at one half its image is as near."""


class Unwrapper:
    """Follows atoms from frame to frame.

    Parameters
    ----------
    n_atoms
        Number of atoms.
    is_unwrapped
        Whether positions are known to run on through the faces: steps are then taken as they are, up to half a cell.
        In a cell that changes they are wrapped all the same, as image flags would add the change of whole cells.
    """

    def __init__(self, n_atoms: int, *, is_unwrapped: bool = False) -> None:
        self._is_unwrapped = is_unwrapped
        self._limit = 0.5 if is_unwrapped else _SAFE_STEP
        self._cell = np.zeros((3, 3))
        self._inverse = np.zeros((3, 3))
        self._given = np.zeros((n_atoms, 3))
        self._is_first = True
        self.displacements_A = np.zeros((n_atoms, 3))
        """Displacement of each atom since the first frame [Å], shape ``(n_atoms, 3)``."""

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:
        """Take in the next frame.

        Parameters
        ----------
        positions
            Positions [Å], shape ``(n_atoms, 3)``.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``.

        Raises
        ------
        InputError
            When the frame cannot follow the one before, its name to be put in front; nothing is changed then.
        """
        if positions.shape != self._given.shape:
            raise InputError(
                f"has positions of shape {positions.shape}; expected {self._given.shape}; keep all atoms in every frame"
            )
        positions = np.array(positions, float)
        if not np.isfinite(positions).all():
            raise InputError("has positions that are not finite; expected numbers; cut the trajectory before it")
        is_same_cell = not self._is_first and np.array_equal(cell, self._cell)
        if not is_same_cell:
            if cell.shape != (3, 3) or not abs(float(np.linalg.det(cell))) > 0:
                raise InputError("has no cell of positive volume; expected three cell vectors; set the cell")
            inverse = np.linalg.inv(cell)
        else:
            inverse = self._inverse
        if not self._is_first:
            step = positions - self._given if is_same_cell else _wrap(positions, cell, inverse) - self._wrapped()
            step = self._nearest(step, cell, inverse, is_same_cell)
            self.displacements_A += step
        self._given, self._cell, self._inverse, self._is_first = positions, np.array(cell, float), inverse, False

    def _wrapped(self) -> np.ndarray:
        return _wrap(self._given, self._cell, self._inverse)

    def _nearest(self, step: np.ndarray, cell: np.ndarray, inverse: np.ndarray, is_same_cell: bool) -> np.ndarray:
        """Return the nearest images of the steps, each shorter than what can be told from its image."""
        sides = np.diagonal(cell)
        is_box = np.count_nonzero(cell) == 3 and bool((sides > 0).all())
        takes_images = not (self._is_unwrapped and is_same_cell)
        scaled = step / sides if is_box else step @ inverse
        if takes_images:
            images = np.rint(scaled)
            step = step - (images * sides if is_box else images @ cell)
            scaled -= images
        longest = np.abs(scaled)
        if longest.max() > self._limit:
            atom, axis = np.unravel_index(int(longest.argmax()), longest.shape)
            raise InputError(
                f"moves atom {atom} by {longest[atom, axis]:.2f} of the cell along vector {axis} in one step; expected "
                f" less than {self._limit}, as half a cell cannot be told from its image; "
                "write frames more often, or take a larger cell"
            )
        return step

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what is needed to go on later, as arrays."""
        return {
            "given": self._given.copy(),
            "cell": self._cell.copy(),
            "is_first": np.array(self._is_first),
            "displacement": self.displacements_A.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken."""
        self._given = np.array(state["given"], float)
        self._cell = np.array(state["cell"], float)
        self._is_first = bool(state["is_first"])
        self._inverse = self._inverse if self._is_first else np.linalg.inv(self._cell)
        self.displacements_A = np.array(state["displacement"], float)


def _wrap(positions: np.ndarray, cell: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    scaled = positions @ inverse
    return np.asarray((scaled - np.floor(scaled)) @ cell)
