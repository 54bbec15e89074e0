"""Density of k-points, from the mesh or from the points that a run used."""

from collections.abc import Sequence
from math import lcm

import numpy as np

from aiida_elyte.science.labels.theory import mesh_spacing

__all__ = ["spacing_of_mesh", "spacing_of_points"]

_LARGEST = 60
"""Largest number of points along a vector that is looked for."""


def spacing_of_mesh(cell: np.ndarray, mesh: Sequence[int]) -> tuple[float, float] | None:
    """Return the bounds of the spacing that gives a mesh [1/Å]; ``None`` without points, or for a cell of no volume."""
    if not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-8 or min(mesh) < 1:
        return None
    return mesh_spacing(np.linalg.norm(2 * np.pi * np.linalg.inv(cell).T, axis=1).tolist(), mesh)


def spacing_of_points(
    cell: np.ndarray, points: np.ndarray, weights: np.ndarray, symmetries: int = 48
) -> tuple[float, float] | None:
    """Return the bounds of the spacing that gives the mesh whose irreducible points these are.

    Along each vector the mesh is the least common denominator of the coordinates, halved where all are odd (a shifted
    mesh). The weights check it: each point stands for a whole number of points of the mesh, at most one for each
    symmetry and its reversal in time. Codes turn points by symmetries of the lattice that a shifted mesh lacks, which
    doubles the denominators: the halved mesh is tried too.

    Parameters
    ----------
    cell
        Lattice vectors as rows [Å].
    points
        In units of the reciprocal vectors, ``shape=(n_points, 3)``.
    weights
        Their weights, in any unit, ``shape=(n_points,)``.
    symmetries
        Number of symmetries of the crystal.

    Returns
    -------
    tuple or None
        ``None`` if they are the points of no mesh.
    """
    if not len(points) or not weights.sum() > 0:
        return None
    mesh = [_denominator(column) for column in points.T]
    if 0 in mesh:
        return None
    for candidate in (mesh, [max(1, count // 2) for count in mesh]):
        counts = weights / weights.sum() * np.prod(candidate)
        is_whole = np.allclose(counts, counts.round(), atol=0.02 * counts.max()) and counts.min() > 0.5
        if is_whole and counts.max() < 2 * symmetries + 0.5:
            return spacing_of_mesh(cell, candidate)
    return None


def _denominator(values: np.ndarray) -> int:
    """Return the number of points along one vector, 0 if they are not equally spaced."""
    found = 1
    for value in values:
        close = [count for count in range(1, _LARGEST) if abs(value * count - round(value * count)) < 2e-4 * count]
        if not close:
            return 0
        found = lcm(found, close[0])
        if found > 2 * _LARGEST:
            return 0
    is_shifted = found % 2 == 0 and np.all(np.round(values * found).astype(int) % 2 == 1)
    return found // 2 if is_shifted else found
