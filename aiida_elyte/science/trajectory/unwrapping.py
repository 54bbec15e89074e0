"""Displacements of atoms followed through the faces of a periodic cell, which may breathe, shear and flip.

In a cell at rest a step is the nearest image of the difference of two positions. In a cell h(t) that changes it is

    Δr = Δs · [h(t) + h(t - 1)] / 2,    Δs = s(t) - s(t - 1),    s = r · h⁻¹,

Δs the nearest image unless positions run on. The cell carries every atom along, so that ṙ = u + r·h⁻¹·ḣ and ṡ·h = u:
the sum of these steps is ∫u dt by the trapezoidal rule, where u is the motion through the lattice. Differences of
Cartesian positions, toroidal ones too (DOI 10.1063/5.0008316, 10.1021/acs.jctc.3c00308), also hold s·Δh, the swing of
the cell itself, which shakes each atom by where it happens to lie and adds a few per cent to D when edges swing by two.
What is left here is of second order, a quarter of the squared change of the cell between two frames: 3e-5 of D at 1 %.

Cells need not keep their vectors: a flip to another basis of the same lattice is found by ``match_basis``. Positions
count from a point that moves along with the lattice, such as the origin of the box.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.cell_changes import Cell, match_basis

__all__ = ["Unwrapper"]

_IDENTITY = np.eye(3)

_SAFE_STEP = 0.4
"""Part of the cell that an atom may cross between two frames; at one half its image is as near."""

_CALM_STEP = 0.25
"""Part of the cell beyond which a step may have gone round the cell for what steps so far tell."""

_CALM_FRAMES = 10
"""Steps of all atoms, none of them longer than that, after which a step by a whole cell is not motion."""

_JUMPING = 3
"""Atoms that must step by whole cells at once, so that a single ion that hops by a lattice vector may do so."""

_ARRAYS = ("given", "origins", "sums_of_origins", "scaled", "moved")


class Unwrapper:
    """Follows atoms from frame to frame, and sums their displacements over groups.

    As long as the cell rests, displacements are not added up step by step: a displacement is the position less an
    origin, which is the first position and moves by a cell vector whenever its atom crosses a face. So a frame costs
    little more than one difference, and rounding errors do not grow: origins and sums are in double precision, whatever
    the positions are. From the first change of the cell on, steps are added up, in double precision too: each position
    enters with the change of the cell only, so that its rounding counts that much less.

    Parameters
    ----------
    weights
        Weight of each atom in each sum, shape ``(n_sums, n_atoms)``.
    is_unwrapped
        Whether positions are known to run on through the faces, and across flips of the cell: steps of any length are
        then taken as they are. Wrapped positions plus image flags times the vectors of their own frame's cell do.
        Flags that are lost when a run is continued show as atoms that step by whole cells, after a time in which none
        moved by a quarter of one.
    """

    def __init__(self, weights: np.ndarray, *, is_unwrapped: bool = False) -> None:
        self._weights = np.ascontiguousarray(weights, float)
        self._shape = (self._weights.shape[1], 3)
        self._is_unwrapped = is_unwrapped
        self._cell: Cell | None = None
        self._basis = np.eye(3)
        self._n_calm = 0
        self._given = self._origins = np.zeros(self._shape)
        self._doubled = np.empty(self._shape)
        self._sums_of_origins = np.zeros((len(self._weights), 3))
        self._start_adding(np.zeros((0, 3)), np.zeros((0, 3)))

    @property
    def basis(self) -> np.ndarray:
        """Integers that turn the cell of the last frame into the cell of the first, strained; shape ``(3, 3)``."""
        return self._basis.copy()

    @property
    def displacements_A(self) -> np.ndarray:
        """Displacement of each atom since the first frame [Å], shape ``(n_atoms, 3)``."""
        return self.write_displacements(np.empty(self._shape))

    @property
    def sums_A(self) -> np.ndarray:
        """Weighted sums of the displacements [Å], shape ``(n_sums, 3)``."""
        if self._is_adding:
            return self._weigh(self._moved)
        np.copyto(self._doubled, self._given)
        return np.asarray(self._weigh(self._doubled) - self._sums_of_origins)

    def write_displacements(self, out: np.ndarray) -> np.ndarray:
        """Write the displacements into an array of their shape, and return it; fresh memory costs more than this."""
        if self._is_adding:
            np.copyto(out, self._moved)
        else:
            np.subtract(self._given, self._origins, out=out)
        return out

    def _weigh(self, vectors: np.ndarray) -> np.ndarray:
        """Return the weighted sums of vectors, row by row, as BLAS is slow for few rows times three columns."""
        return np.array([row @ vectors for row in self._weights]).reshape(-1, 3)

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:
        """Take in the next frame.

        Parameters
        ----------
        positions
            Positions [Å], shape ``(n_atoms, 3)``; in a cell at rest, steps are looked at in single precision where
            these are.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``.

        Raises
        ------
        InputError
            If the frame cannot follow the one before, its name to be put in front; nothing is changed then.
        """
        if positions.shape != self._shape:
            raise InputError(
                f"has positions of shape {positions.shape}; expected {self._shape}; keep all atoms in every frame"
            )
        positions = np.ascontiguousarray(positions, np.float32 if positions.dtype == np.float32 else np.float64)
        flat = positions.ravel()
        if not np.isfinite(flat @ flat):
            raise InputError("has positions that are not finite; expected numbers; cut the trajectory before it")
        before = self._cell
        now = before if before is not None and np.array_equal(cell, before.vectors) else Cell.of(cell)
        if before is None:
            self._move_origins(slice(None), positions.astype(float))
            self._given = positions.copy()
        elif self._is_adding or now is not before:
            self._add_step(positions, before, now)
        else:
            steps = positions - self._given
            if self._is_unwrapped:
                self._n_calm = _count_calm(self._n_calm, steps, now.inverse)
            else:
                self._move_origins(*_crossings(steps, now))
            self._given = positions.copy()
        self._cell = now

    def _move_origins(self, rows: np.ndarray | slice, moved: np.ndarray) -> None:
        self._origins[rows] += moved
        self._sums_of_origins += self._weights[:, rows] @ moved

    @property
    def _is_adding(self) -> bool:
        return len(self._scaled) > 0

    def _start_adding(self, scaled: np.ndarray, moved: np.ndarray) -> None:
        self._scaled, self._moved = scaled, moved
        self._spare = tuple(np.empty_like(scaled) for _ in range(3))  # fresh memory at every frame costs more than sums

    def _add_step(self, positions: np.ndarray, before: Cell, now: Cell) -> None:
        flip = None if now is before else match_basis(before, now)
        if not self._is_adding:
            self._start_adding(self._given.astype(float) @ before.inverse, self._given - self._origins)
        steps, scaled, images = self._spare
        np.copyto(steps, positions)
        np.matmul(steps, now.inverse, out=scaled)
        np.subtract(scaled, self._scaled if flip is None else self._scaled @ flip, out=steps)
        if not self._is_unwrapped:
            np.rint(steps, out=images)
            steps -= images
            if max(steps.max(), -steps.min()) > _SAFE_STEP:
                raise _too_long(steps, np.arange(len(steps)))
        else:
            self._n_calm = _count_calm(self._n_calm, steps, _IDENTITY)
        vectors = before.vectors if flip is None else np.linalg.inv(flip) @ before.vectors
        np.matmul(steps, (vectors + now.vectors) / 2, out=images)
        self._moved += images
        self._spare = (steps, self._scaled, images)
        self._scaled = scaled
        if flip is not None:
            self._basis = self._basis @ flip

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what is needed to go on later, as arrays."""
        cell = np.zeros((0, 3)) if self._cell is None else self._cell.vectors
        return {
            **{name: getattr(self, f"_{name}").copy() for name in _ARRAYS},
            "cell": cell.copy(),
            "basis": self.basis,
            "n_calm": np.array(self._n_calm),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken.

        Raises
        ------
        InputError
            If the state is of a version that followed atoms in another way.
        """
        missing = [name for name in (*_ARRAYS, "cell", "basis", "n_calm") if name not in state]
        if missing:
            raise InputError(
                f"state lacks {', '.join(missing)}; expected one of this version; reduce the trajectory from its start"
            )
        self._given, self._origins = np.array(state["given"]), np.array(state["origins"])
        self._sums_of_origins = np.array(state["sums_of_origins"])
        self._start_adding(np.array(state["scaled"]), np.array(state["moved"]))
        self._cell = Cell.of(np.array(state["cell"])) if len(state["cell"]) else None
        self._basis = np.array(state["basis"])
        self._n_calm = int(state["n_calm"])


def _crossings(steps: np.ndarray, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """Return which atoms make long steps in a cell at rest, and the lattice vectors nearest to those."""
    if cell.shortest is not None:  # plain numbers tell which steps are worth a closer look
        seen, limit = steps, _SAFE_STEP * cell.shortest
    else:
        seen, limit = steps @ cell.inverse.astype(steps.dtype), _SAFE_STEP
    rows = np.flatnonzero(np.abs(seen.ravel()) > limit) // 3
    is_new = np.ones(rows.size, bool)  # an atom once, whatever its long components
    is_new[1:] = rows[1:] > rows[:-1]
    rows = rows[is_new]
    scaled = steps[rows].astype(float) @ cell.inverse
    images = np.rint(scaled)
    left = scaled - images
    if (np.abs(left) > _SAFE_STEP).any():
        raise _too_long(left, rows)
    return rows, images @ cell.vectors


def _count_calm(n_calm: int, steps: np.ndarray, inverse: np.ndarray) -> int:
    """Return how many steps in a row from the first one on were short for all atoms; negative once one was not.

    Raises
    ------
    InputError
        If atoms step by whole cells after many such steps.
    """
    if n_calm < 0:
        return n_calm
    longest = max(float(steps.max(initial=0.0)), -float(steps.min(initial=0.0)))
    if longest * np.abs(inverse).sum(axis=0).max() <= _CALM_STEP:  # bounds every scaled step
        return n_calm + 1
    scaled = steps.astype(float) @ inverse
    images = np.rint(scaled)
    if np.abs(scaled).max() <= _CALM_STEP:
        return n_calm + 1
    jumping = np.flatnonzero(images.any(axis=1))
    if n_calm >= _CALM_FRAMES and len(jumping) >= _JUMPING and np.abs(scaled - images).max() <= _CALM_STEP:
        raise InputError(
            f"moves {len(jumping)} atoms by whole cells, atom {jumping[0]} first, where none moved by {_CALM_STEP} of "
            "one in a step before; expected positions that run on, with image flags kept when the run was continued; "
            "dump x y z instead of xu yu zu, or cut the trajectory before it"
        )
    return -1


def _too_long(scaled: np.ndarray, atoms: np.ndarray) -> InputError:
    """Return the error that names the longest of some scaled steps."""
    row, axis = np.unravel_index(int(np.abs(scaled).argmax()), scaled.shape)
    return InputError(
        f"moves atom {atoms[row]} by {abs(scaled[row, axis]):.2f} of the cell along vector {axis} in one step; "
        f"expected less than {_SAFE_STEP}, as half a cell cannot be told from its image; write frames more "
        "often, or unwrapped"
    )
