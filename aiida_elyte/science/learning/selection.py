"""Choose the frames worth a label: where the committee knows least, and as different from each other as can be."""

import math
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.descriptors import describe_frame

__all__ = ["select_by_spread", "select_farthest"]


def select_by_spread(
    frames: Sequence[Atoms],
    spreads: np.ndarray,
    n_select: int,
    rng: np.random.Generator,
    *,
    known: Sequence[Atoms] = (),
    threshold_eV_A: float = 0.0,
    pool_fraction: float = 0.5,
    cutoff_A: float = 5.0,
) -> list[int]:
    """Select a diverse subset of the frames the committee is least sure of.

    Frames with a spread above the threshold are ranked; the top ``pool_fraction`` of them (at least ``n_select``) is
    the pool; farthest-point sampling picks from it, keeping away from the known frames and from each other. Frames at
    no distance from what is known or picked are left out.

    Parameters
    ----------
    frames
        Candidates.
    spreads
        Committee spread of each, ``shape=(n_frames,)`` [eV/Å].
    n_select
        Frames wanted at most.
    rng
        Decides between frames of equal spread.
    known
        Training set.
    threshold_eV_A
        Frames at or below are certain enough [eV/Å].
    pool_fraction
        Part of the uncertain frames that diversity may choose from [1].
    cutoff_A
        Cutoff of the descriptor [Å].

    Returns
    -------
    list of int
        Indices of the selected frames, the most worthwhile first; empty when all frames are certain.

    Raises
    ------
    InputError
        For lengths that do not match, spreads that are not finite, or settings out of range.
    """
    spreads = np.asarray(spreads, float)
    if spreads.shape != (len(frames),):
        raise InputError(f"spreads have shape {spreads.shape} for {len(frames)} frames; expected one spread a frame")
    if not np.isfinite(spreads).all():
        raise InputError("spreads hold values that are not finite; expected numbers in eV/Å; filter the frames first")
    if n_select < 1:
        raise InputError(f"n_select is {n_select}; expected at least one frame")
    if not 0 < pool_fraction <= 1:
        raise InputError(f"pool_fraction is {pool_fraction}; expected a number above 0 and up to 1")
    shuffled = rng.permutation(len(frames))
    ranked = shuffled[np.argsort(-spreads[shuffled], kind="stable")]
    uncertain = ranked[spreads[ranked] > threshold_eV_A]
    if not len(uncertain):
        return []
    pool = uncertain[: max(n_select, math.ceil(pool_fraction * len(uncertain)))]
    elements = sorted({symbol for frame in [*frames, *known] for symbol in frame.get_chemical_symbols()})
    candidates = np.array([describe_frame(frames[index], elements, cutoff_A) for index in pool])
    familiar = np.array([describe_frame(frame, elements, cutoff_A) for frame in known]).reshape(-1, candidates.shape[1])
    return [int(pool[index]) for index in select_farthest(candidates, n_select, familiar)]


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
    points, familiar = candidates[:, varies] / width[varies], known[:, varies] / width[varies]
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
