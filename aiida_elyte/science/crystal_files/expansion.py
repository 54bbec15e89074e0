"""A site and all its images under a space group; a site near a special position is put on it."""

from dataclasses import dataclass

import numpy as np

from aiida_elyte.science.crystal_files.symmetry import Symmetry

__all__ = ["Orbit", "expand", "nearest_images"]

_SAME_A = 1e-3
"""Images of a site on its special position are the same atom below this distance [Å]."""


@dataclass(frozen=True)
class Orbit:
    """Where a site is repeated in the cell."""

    points: np.ndarray
    """Fractional coordinates in [0, 1), ``(multiplicity, 3)``."""
    moved_A: float
    """How far the site was moved onto its special position [Å]."""


def expand(point: np.ndarray, symmetry: Symmetry, cell: np.ndarray, tolerance_A: float) -> Orbit | None:
    """Return the images of a site, those nearer to each other than a tolerance being one atom.

    The images near the site are those under its site symmetry; their mean lies on the special position, as
    coordinates rounded to 0.333 do not.

    Parameters
    ----------
    point
        Fractional coordinates, ``(3,)``.
    symmetry
        The space group.
    cell
        Vectors of the cell in rows [Å].
    tolerance_A
        Largest distance of images that are one atom [Å].

    Returns
    -------
    Orbit or None
        ``None`` if the images near the site are of no site symmetry, so that how many atoms are meant is open.
    """
    start = point
    for _ in range(5):
        near = nearest_images(_images(point, symmetry), point)
        near = near[np.linalg.norm((near - point) @ cell, axis=1) <= tolerance_A]
        mean = near.mean(axis=0)
        if np.linalg.norm((mean - point) @ cell) < 1e-9:
            break
        point = mean
    images = _images(point, symmetry)
    points: list[np.ndarray] = []
    for image in images:
        if not points or np.linalg.norm((nearest_images(np.array(points), image) - image) @ cell, axis=1).min() > (
            _SAME_A
        ):
            points.append(image)
    if len(points) * len(near) != len(images):
        return None
    return Orbit(np.array(points) % 1.0 % 1.0, float(np.linalg.norm((point - start) @ cell)))


def nearest_images(points: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Return points shifted by whole cells to near a centre, fractional coordinates ``(n, 3)`` and ``(3,)``."""
    return points - np.round(points - center)


def _images(point: np.ndarray, symmetry: Symmetry) -> np.ndarray:
    return symmetry.rotations @ point + symmetry.translations
