"""How far the surroundings of an atom are from all that a potential was trained on."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from aiida_elyte.science.learning.descriptors import describe_atoms

__all__ = ["FARTHEST", "frame_distances", "measure_distances"]

FARTHEST = 100.0
"""Distances are cut here [1]; that of an atom of an element of which the data have none."""

_MOST_POINTS = 8000
"""Most atoms of an element that stand for those of the data: with 50 000 atoms to compare, it takes half a minute."""
_N_OWN = 500
"""Atoms of an element from which the scale of the data themselves is taken."""
_LEAST_WIDTH = 0.1
"""Least width of a feature, as a part of the root mean square over the features of its element [1]: one that hardly
varies in the data, as the shell of distances that no pair has, still tells what is new in it."""


def measure_distances(frames: Sequence[Atoms], known: Sequence[Atoms], cutoff_A: float = 5.0) -> list[np.ndarray]:
    r"""Compute the distance of each atom to the training data, in units of how far these are from each other.

    .. math:: d_i = \frac{1}{\ell_B} \min_{j \in B} \sqrt{\sum_k (g_{ik} - g_{jk})^2 / w_{Bk}^2}

    with the descriptors :math:`g` of ``describe_atoms``, over the atoms :math:`j` of the data of the same element
    :math:`B`. The width :math:`w_{Bk}` is the standard deviation of feature :math:`k` over these, and
    :math:`\ell_B` the root mean square distance of an atom of the data to the nearest one in another frame of them:
    an atom at a distance of 1 is as familiar to the potential as the data are to each other.

    Parameters
    ----------
    frames
        Frames to judge.
    known
        Frames with labels.
    cutoff_A
        Cutoff of the descriptor [Å].

    Returns
    -------
    list of np.ndarray
        For each frame, ``shape=(n_atoms,)`` [1], at most ``FARTHEST``.

    Notes
    -----
    Of more than 8000 atoms of an element in the data, as many at equal steps stand for all of them; the scale
    :math:`\ell_B` is that of the same atoms, so that leaving some out does not make a frame look new.

    References
    ----------
    Janet, Duan, Yang, Nandy, Kulik, Chem. Sci. 10, 7913 (2019), doi:10.1039/c9sc02298h (distance to the data as a
    measure of the error).
    """
    elements = sorted({symbol for frame in (*frames, *known) for symbol in frame.get_chemical_symbols()})
    familiar, origins, numbers = _stack(known, elements, cutoff_A)
    points, places, species = _stack(frames, elements, cutoff_A)
    found = np.full(len(points), FARTHEST)
    for number in np.unique(species):
        chosen, own = species == number, np.flatnonzero(numbers == number)
        if len(own):
            own = own[:: -(-len(own) // _MOST_POINTS)]
            width = _width(familiar[own])
            scaled = familiar[own] / width
            found[chosen] = _nearest(points[chosen] / width, scaled) / _scale(scaled, origins[own])
    found = np.minimum(found, FARTHEST)
    return [found[places == place] for place in range(len(frames))]


def frame_distances(distances: Sequence[np.ndarray]) -> np.ndarray:
    """Return the distance of each frame to the training data: root mean square over its atoms, ``shape=(n_frames,)``.

    That of a frame of the data from the others is 1 on the average.
    """
    return np.array([np.sqrt(np.mean(one**2)) for one in distances])


def _stack(frames: Sequence[Atoms], elements: list[str], cutoff_A: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return descriptors, number of the frame and atomic number of all atoms."""
    if not frames:
        return np.zeros((0, 1)), np.zeros(0, int), np.zeros(0, int)
    points = np.concatenate([describe_atoms(frame, elements, cutoff_A) for frame in frames])
    places = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    return points, places, np.concatenate([frame.numbers for frame in frames])


def _width(points: np.ndarray) -> np.ndarray:
    deviations = points.std(axis=0)
    least = _LEAST_WIDTH * np.sqrt(np.mean(deviations**2))
    return np.sqrt(deviations**2 + max(least, 1e-3) ** 2)


def _scale(points: np.ndarray, origins: np.ndarray) -> float:
    """Return how far atoms of the data are from the nearest in another frame; of one frame, from another atom."""
    chosen = np.arange(len(points))[:: -(-len(points) // _N_OWN)]
    others = origins if len(np.unique(origins)) > 1 else np.arange(len(points))
    if len(points) < 2:
        return 1.0
    nearest = _nearest(points[chosen], points, others[chosen], others)
    return max(float(np.sqrt(np.mean(nearest**2))), 1e-3)


def _nearest(
    points: np.ndarray, known: np.ndarray, groups: np.ndarray | None = None, known_groups: np.ndarray | None = None
) -> np.ndarray:
    """Return the distance of each point to the nearest known one, of another group where groups are given."""
    squares, found = (known**2).sum(axis=1), np.empty(len(points))
    for first in range(0, len(points), 1000):
        part = slice(first, first + 1000)
        table = (points[part] ** 2).sum(axis=1)[:, None] + squares - 2 * points[part] @ known.T
        if groups is not None:
            table[groups[part][:, None] == known_groups] = np.inf
        found[part] = table.min(axis=1)
    return np.sqrt(np.maximum(found, 0.0))
