"""The pairs of two species within a distance, frame by frame."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.spatial import cKDTree

from aiida_elyte.errors import InputError

__all__ = ["PairFinder", "half_width"]

_MAX_PAIRS = 2_000_000
"""Pairs looked at together: bounds the memory to some 100 MB."""


class PairFinder:
    """Finds the pairs of two species within a distance in frame after frame, at a cost linear in the atoms.

    The cell may be triclinic and change. Atoms come with their images beyond the faces as far as the distance reaches.

    Parameters
    ----------
    species
        Species of each atom: chemical symbols, or names of your own such as ``O_ether``, shape ``(n_atoms,)``.
    centre, around
        Species at the centre, and species looked for around it; they may be the same.
    reach_A
        Largest distance [Å].

    Raises
    ------
    InputError
        If a species is not there, makes no pair, or the distance is not positive.
    """

    def __init__(self, species: Sequence[str], centre: str, around: str, reach_A: float) -> None:
        names = np.asarray(species, dtype=str)
        self._centres, self._around = np.flatnonzero(names == centre), np.flatnonzero(names == around)
        self._is_same = centre == around
        self._reach_A = float(reach_A)
        self._shape = (len(names), 3)
        if self.n_possible < 1:
            raise InputError(
                f"atoms make no pair of {centre} and {around}; expected species among "
                f"{', '.join(sorted(set(names.tolist())))}; choose a pair that is there"
            )
        if not (math.isfinite(reach_A) and reach_A > 0):
            raise InputError(f"distance of {centre} and {around} is {reach_A} Å; expected a positive number")

    @property
    def n_centres(self) -> int:
        """Atoms at the centre."""
        return len(self._centres)

    @property
    def n_possible(self) -> int:
        """Ordered pairs of two different atoms."""
        return self.n_centres * (len(self._around) - self._is_same)

    def find(self, positions: np.ndarray, cell: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Find the pairs of one frame, in portions that fit into memory.

        Parameters
        ----------
        positions
            Positions of all atoms, wrapped or not [Å], shape ``(n_atoms, 3)``.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``.

        Yields
        ------
        tuple
            Number of the centre among the centres, number of the other among those around, and distance [Å], each of
            shape ``(n_pairs,)``.

        Raises
        ------
        InputError
            If positions or cell cannot be used, or the distance exceeds half the narrowest width of the cell.
        """
        positions, cell = np.asarray(positions, float), np.asarray(cell, float)
        if positions.shape != self._shape or not np.isfinite(positions).all():
            raise InputError(
                f"positions have shape {positions.shape}; expected finite ones of shape {self._shape}; "
                "keep all atoms in every frame"
            )
        volume = abs(float(np.linalg.det(cell))) if cell.shape == (3, 3) else 0.0
        if not volume > 0:
            raise InputError("cell has no volume; expected three cell vectors; set the cell")
        inverse = np.linalg.inv(cell)
        widths = 1 / np.linalg.norm(inverse, axis=0)
        if self._reach_A > 0.5 * widths.min() * (1 + 1e-9):
            raise InputError(
                f"distance {self._reach_A:g} Å exceeds half the narrowest width of the cell, {widths.min() / 2:.4g} Å; "
                "expected at most that; shorten it, or take a larger cell"
            )
        others, image_of = _with_images(_fractions(positions[self._around], inverse), self._reach_A / widths)
        tree = cKDTree(others @ cell)
        centres = _fractions(positions[self._centres], inverse) @ cell
        per_centre = 1 + len(self._around) * 4 * math.pi / 3 * self._reach_A**3 / volume
        portion = max(1, int(_MAX_PAIRS / per_centre))
        for start in range(0, len(centres), portion):
            near = cKDTree(centres[start : start + portion]).sparse_distance_matrix(
                tree, self._reach_A, output_type="ndarray"
            )
            i, j, distance = near["i"] + start, image_of[near["j"]], near["v"]
            if self._is_same:
                others_only = i != j
                i, j, distance = i[others_only], j[others_only], distance[others_only]
            yield i, j, distance


def half_width(cell: np.ndarray) -> float:
    """Return half the narrowest width of a cell [Å]: beyond it, an atom may meet two images of another.

    Parameters
    ----------
    cell
        Rows are the cell vectors [Å], shape ``(3, 3)``.
    """
    return float(0.5 / np.linalg.norm(np.linalg.inv(cell), axis=0).max())


def _fractions(positions: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    scaled = positions @ inverse
    return np.asarray(scaled - np.floor(scaled))


def _with_images(scaled: np.ndarray, margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scaled positions with their images within a margin of the cell, and the atom that each one is."""
    owners = np.arange(len(scaled))
    for axis, margin in enumerate(margins + 1e-9):
        shift = np.eye(3)[axis]
        low, high = scaled[:, axis] < margin, scaled[:, axis] > 1 - margin
        scaled = np.concatenate([scaled, scaled[low] + shift, scaled[high] - shift])
        owners = np.concatenate([owners, owners[low], owners[high]])
    return scaled, owners
