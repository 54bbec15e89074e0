"""Frames unlike each other: farthest points, clusters, and a map on which like frames lie together."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from scipy.cluster.vq import kmeans2

from aiida_elyte.science.learning.descriptors import describe_frame

__all__ = ["embed_frames", "pick_by_cluster", "pick_farthest", "select_farthest"]

_MOST_LANDMARKS = 1000
"""Frames by which a map is drawn; the others are placed on it."""
_N_DIMENSIONS = 3
"""Dimensions in which frames are clustered [1]: the similarity of a few hundred frames of a crystal has no more."""


def embed_frames(frames: Sequence[Atoms], n_dimensions: int = 2, cutoff_A: float = 5.0) -> np.ndarray:
    r"""Place frames on a map on which like frames lie together, ``shape=(n_frames, n_dimensions)`` [1].

    The similarity of two frames is :math:`K_{ij} = e^{-D_{ij}^2 / 2 D^2}`, with the distance :math:`D_{ij}` of their
    ``describe_frame``, each feature divided by its standard deviation, and the median :math:`D` of all distances. The
    coordinates are the leading components of the centred similarity (kernel principal components). Of more than 1000
    frames, as many at equal steps make the map.

    Parameters
    ----------
    frames
        Frames; an element may be missing in some.
    n_dimensions
        Dimensions of the map [1].
    cutoff_A
        Cutoff of the descriptor [Å].

    Returns
    -------
    np.ndarray
        Coordinates; 0 in dimensions beyond those in which frames differ. The component of largest size is positive in
        each, so that the same frames give the same map.

    References
    ----------
    Schölkopf, Smola, Müller, Neural Comput. 10, 1299 (1998), doi:10.1162/089976698300017467.
    """
    coordinates = np.zeros((len(frames), n_dimensions))
    if len(frames) < 2:
        return coordinates
    points = _normalise(_describe(frames, cutoff_A))
    landmarks = points[:: -(-len(points) // _MOST_LANDMARKS)]
    squares = _squares(points, landmarks)
    width = np.median(squares[squares > 1e-12]) if (squares > 1e-12).any() else 1.0
    similarity, own = np.exp(-squares / (2 * width)), np.exp(-_squares(landmarks, landmarks) / (2 * width))
    centred = own - own.mean(axis=0) - own.mean(axis=1)[:, None] + own.mean()
    values, vectors = np.linalg.eigh(centred)
    order = np.argsort(-values)[:n_dimensions]
    order = order[values[order] > 1e-9 * max(values.max(), 1e-9)]
    components = vectors[:, order] / np.sqrt(values[order])
    placed = (similarity - own.mean(axis=0) - similarity.mean(axis=1)[:, None] + own.mean()) @ components
    signs = np.sign(placed[np.abs(placed).argmax(axis=0), np.arange(placed.shape[1])])
    coordinates[:, : placed.shape[1]] = placed * signs
    return coordinates


def pick_by_cluster(frames: Sequence[Atoms], n_select: int, cutoff_A: float = 5.0) -> list[int]:
    """Return the first frame of each of ``n_select`` clusters, in their order; fewer if frames coincide.

    Clusters are those of k-means on the map of ``embed_frames`` in three dimensions, begun with farthest points.

    Parameters
    ----------
    frames
        Frames, the most worthwhile first.
    n_select
        Frames wanted at most.
    cutoff_A
        Cutoff of the descriptor [Å].

    References
    ----------
    Lloyd, IEEE Trans. Inf. Theory 28, 129 (1982), doi:10.1109/TIT.1982.1056489 (k-means).
    """
    if not frames:
        return []
    points = embed_frames(frames, _N_DIMENSIONS, cutoff_A)
    centres = points[_spread_out(points, n_select, points[:0])]
    if len(centres) < 2:
        return [0]
    _, labels = kmeans2(points, centres, minit="matrix", missing="warn")
    return sorted(int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels))


def pick_farthest(frames: Sequence[Atoms], n_select: int, known: Sequence[Atoms], cutoff_A: float = 5.0) -> list[int]:
    """Return frames one by one, each the farthest from all known and picked ones: ``select_farthest`` of frames."""
    if not frames:
        return []
    points = _describe([*frames, *known], cutoff_A)
    return select_farthest(points[: len(frames)], n_select, points[len(frames) :])


def _describe(frames: Sequence[Atoms], cutoff_A: float) -> np.ndarray:
    elements = sorted({symbol for frame in frames for symbol in frame.get_chemical_symbols()})
    return np.array([describe_frame(frame, elements, cutoff_A) for frame in frames])


def _normalise(points: np.ndarray) -> np.ndarray:
    width = points.std(axis=0)
    return points[:, width > 1e-8] / width[width > 1e-8]


def _squares(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.maximum(squares, 0.0)


def select_farthest(candidates: np.ndarray, n_select: int, known: np.ndarray) -> list[int]:
    """Pick points one by one, each the farthest from all known and picked ones; nothing known: begin with the first.

    Parameters
    ----------
    candidates
        ``shape=(n_candidates, n_features)``.
    n_select
        Points wanted at most; points that coincide with known or picked ones are never taken.
    known
        ``shape=(n_known, n_features)``.

    Returns
    -------
    list of int
        Indices of the picked candidates in the order of picking.

    Notes
    -----
    Each feature is divided by its standard deviation over all points, so that crowded shells do not drown rare ones.

    References
    ----------
    Gonzalez, Theor. Comput. Sci. 38, 293 (1985), doi:10.1016/0304-3975(85)90224-5 (farthest-point clustering).
    """
    width = np.vstack([candidates, known]).std(axis=0)
    varies = width > 1e-8
    return _spread_out(candidates[:, varies] / width[varies], n_select, known[:, varies] / width[varies])


def _spread_out(points: np.ndarray, n_select: int, familiar: np.ndarray) -> list[int]:
    """Return the points that ``select_farthest`` picks, features as they are."""
    nearest = np.full(len(points), np.inf)
    for point in familiar:
        nearest = np.minimum(nearest, np.linalg.norm(points - point, axis=1))
    picked: list[int] = []
    while len(picked) < min(n_select, len(points)):
        # argmax takes the first of equals: without known points all are infinitely far, and the first begins.
        farthest = int(np.argmax(nearest))
        if nearest[farthest] < 1e-6:
            break
        picked.append(farthest)
        nearest = np.minimum(nearest, np.linalg.norm(points - points[farthest], axis=1))
    return picked
