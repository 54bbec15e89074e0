"""Choose the frames worth a label: where the committee knows least, and as different from each other as can be."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.descriptors import describe_frame
from aiida_elyte.science.settings import check_positive

__all__ = ["BySpread", "Candidates", "Selector", "select_farthest"]


@dataclass(frozen=True)
class Candidates:
    """Frames that may be labelled, and what is known about them.

    Raises
    ------
    InputError
        If there is not one spread, or one error, for each frame, or they are not finite.
    """

    frames: Sequence[Atoms]
    """Sampled frames that passed all filters."""
    spreads_eV_A: np.ndarray
    """Largest committee spread of the forces of each frame, ``shape=(n_frames,)`` [eV/Å]."""
    known: Sequence[Atoms] = ()
    """Frames that have labels."""
    errors_eV_A: np.ndarray | None = None
    """Expected errors of the forces of each frame, ``shape=(n_frames,)`` [eV/Å]; ``None`` if the spread is not
    calibrated."""

    def __post_init__(self) -> None:
        for name in ("spreads_eV_A", "errors_eV_A"):
            given = getattr(self, name)
            if given is None:
                continue
            values = np.asarray(given, float)
            if values.shape != (len(self.frames),):
                raise InputError(
                    f"{name} has shape {values.shape} for {len(self.frames)} frames; expected one value for each frame"
                )
            if not np.isfinite(values).all():
                raise InputError(
                    f"{name} holds values that are not finite; expected numbers in eV/Å; filter the frames first"
                )
            object.__setattr__(self, name, values)


class Selector(ABC):
    """A way to choose the frames that are labelled; a frozen dataclass whose fields are its settings."""

    @abstractmethod
    def select(self, candidates: Candidates, n_select: int, rng: np.random.Generator) -> list[int]:
        """Return the indices of the frames to label, the most worthwhile first, each once and at most ``n_select``.

        Parameters
        ----------
        candidates
            What there is to choose from.
        n_select
            Frames wanted at most, one or more.
        rng
            The only source of randomness.
        """

    def are_uncertain(self, candidates: Candidates) -> np.ndarray:
        """Return whether each frame is too uncertain to be trusted, ``shape=(n_frames,)``; learning ends when few are.

        All are unless a selector says otherwise: then learning ends by its other criteria alone.
        """
        return np.ones(len(candidates.frames), bool)


@dataclass(frozen=True)
class BySpread(Selector):
    """A diverse subset of the frames that the committee is least sure of.

    Frames with a spread above the threshold are ranked; the top ``pool_fraction`` of them (at least ``n_select``) is
    the pool; farthest-point sampling picks from it, keeping away from the known frames and from each other. Frames at
    no distance from what is known or picked are left out. Chance decides between frames of equal spread.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    threshold_eV_A: float
    """Frames with a spread at or below it are certain enough [eV/Å]."""
    pool_fraction: float = 0.5
    """Part of the uncertain frames that diversity may choose from [1]."""
    cutoff_A: float = 5.0
    """Cutoff of the descriptor [Å]."""

    def __post_init__(self) -> None:
        if self.threshold_eV_A != 0:
            check_positive("threshold_eV_A", self.threshold_eV_A)
        check_positive("pool_fraction", self.pool_fraction)
        if self.pool_fraction > 1:
            raise InputError(f"pool_fraction is {self.pool_fraction}; expected a number above 0 and up to 1")
        check_positive("cutoff_A", self.cutoff_A)

    def are_uncertain(self, candidates: Candidates) -> np.ndarray:
        """Return whether the spread of each frame is above the threshold."""
        return candidates.spreads_eV_A > self.threshold_eV_A

    def select(self, candidates: Candidates, n_select: int, rng: np.random.Generator) -> list[int]:
        """Return the indices of the selected frames; none if all are certain."""
        frames, known = candidates.frames, candidates.known
        shuffled = rng.permutation(len(frames))
        ranked = shuffled[np.argsort(-candidates.spreads_eV_A[shuffled], kind="stable")]
        uncertain = ranked[self.are_uncertain(candidates)[ranked]]
        if not len(uncertain):
            return []
        pool = uncertain[: max(n_select, math.ceil(self.pool_fraction * len(uncertain)))]
        elements = sorted({symbol for frame in [*frames, *known] for symbol in frame.get_chemical_symbols()})
        points = np.array([describe_frame(frames[index], elements, self.cutoff_A) for index in pool])
        familiar = np.array([describe_frame(frame, elements, self.cutoff_A) for frame in known])
        picked = select_farthest(points, n_select, familiar.reshape(-1, points.shape[1]))
        return [int(pool[index]) for index in picked]


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
