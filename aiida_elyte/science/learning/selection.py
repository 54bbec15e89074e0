"""Choose the frames worth a label: where the error is likely large, and as different from each other as can be."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import committee_of
from aiida_elyte.science.learning.calibration import Calibration, CalibrationSettings, uncalibrated
from aiida_elyte.science.learning.diversity import pick_by_cluster, pick_farthest
from aiida_elyte.science.learning.novelty import frame_distances, measure_distances
from aiida_elyte.science.learning.observations import features_of
from aiida_elyte.science.settings import check_choice, check_positive, check_share

__all__ = ["AtRandom", "ByCalibration", "ByNovelty", "BySpread", "Candidates", "Selector"]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Frames that may be labelled, and what is known about them.

    Raises
    ------
    InputError
        If there is not one spread for each frame, or they are not finite.
    """

    frames: Sequence[Atoms]
    """Sampled frames that passed all filters."""
    spreads_eV_A: np.ndarray
    """Largest committee spread of the forces of each frame, ``shape=(n_frames,)`` [eV/Å]."""
    known: Sequence[Atoms] = ()
    """Frames that have labels."""
    calibration: Calibration | None = None
    """What the spread is worth, of the labels of earlier rounds; ``None`` before there are any."""

    def __post_init__(self) -> None:
        values = np.asarray(self.spreads_eV_A, float)
        if values.shape != (len(self.frames),):
            raise InputError(
                f"spreads_eV_A has shape {values.shape} for {len(self.frames)} frames; expected one value for each "
                "frame"
            )
        if not np.isfinite(values).all():
            raise InputError(
                "spreads_eV_A holds values that are not finite; expected numbers in eV/Å; filter the frames first"
            )
        object.__setattr__(self, "spreads_eV_A", values)

    @cached_property
    def error_model(self) -> Calibration:
        """What the errors are judged by: the calibration, or what is assumed in its place."""
        if self.calibration is not None:
            return self.calibration
        return uncalibrated(CalibrationSettings(), "no label of an earlier round has calibrated the spread")

    @cached_property
    def fallback(self) -> str | None:
        """What is assumed for lack of labels, or of the spread on each atom; ``None`` if nothing."""
        n_rough = int((~self._have_atoms).sum())
        rough = (
            f"{n_rough} of {len(self.frames)} frames have no committee spread of their atoms: their error is taken as "
            f"{self.error_model.factor:.2g} times the mean spread"
        )
        return "; ".join(filter(None, [self.error_model.fallback, rough if n_rough else None])) or None

    @cached_property
    def distances(self) -> np.ndarray:
        """Distance of each frame to the known ones, in units of theirs to each other, ``shape=(n_frames,)`` [1]."""
        return frame_distances(self._atom_distances)

    @cached_property
    def scales_eV_A(self) -> np.ndarray:
        """Scale of the error of each frame, by which the calibration knows it, ``shape=(n_frames,)`` [eV/Å]."""
        means = [
            frame.info.get("spread_mean_eV_A", most) for frame, most in zip(self.frames, self.spreads_eV_A, strict=True)
        ]
        scales = self.error_model.factor * np.array(means, float)
        places = np.flatnonzero(self._have_atoms).tolist()
        features = features_of([self.frames[one] for one in places], [self._atom_distances[one] for one in places])
        scales[places] = self.error_model.frame_scales(features)
        return scales

    @cached_property
    def have_failed(self) -> np.ndarray:
        """Whether each frame failed a test of qualification, where members may agree and err, ``shape=(n_frames,)``."""
        return np.array(["failed_test" in frame.info for frame in self.frames], bool)

    @cached_property
    def _have_atoms(self) -> np.ndarray:
        return np.array([committee_of(frame) is not None for frame in self.frames], bool)

    @cached_property
    def _atom_distances(self) -> list[np.ndarray]:
        return measure_distances(self.frames, self.known, self.error_model.cutoff_A)


class Selector(ABC):
    """A way to choose the frames that are labelled; a frozen dataclass whose fields are its settings."""

    needs_committee: ClassVar[bool] = True
    """Whether it looks at the spread, so that one member will not do; without it frames of one member have spread 0."""

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

        All are unless a selector says otherwise: then learning never ends by ``uncertain_share``, but by its other
        criteria where that is ``None``, and by rounds and labels.
        """
        return np.ones(len(candidates.frames), bool)

    def probabilities(self, candidates: Candidates) -> np.ndarray | None:
        """Return the probability that the error of each frame is above the tolerance; ``None`` without a tolerance."""
        return None

    def explain(self, candidates: Candidates, chosen: Sequence[int]) -> list[str]:
        """Return for each frame in a few words why it is bought, or why not.

        Parameters
        ----------
        candidates
            What there was to choose from.
        chosen
            What ``select`` chose.
        """
        uncertain, bought = self.are_uncertain(candidates), set(chosen)
        return [
            "bought" if index in bought else "others tell as much" if uncertain[index] else "certain enough"
            for index in range(len(candidates.frames))
        ]


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
        """Return whether the spread of each frame is above the threshold, or it failed a test of qualification."""
        return (candidates.spreads_eV_A > self.threshold_eV_A) | candidates.have_failed

    def select(self, candidates: Candidates, n_select: int, rng: np.random.Generator) -> list[int]:
        """Return the indices of the selected frames; none if all are certain."""
        frames, known = candidates.frames, candidates.known
        ranked = _rank(candidates.spreads_eV_A, rng)
        uncertain = ranked[self.are_uncertain(candidates)[ranked]]
        if not len(uncertain):
            return []
        pool = uncertain[: max(n_select, math.ceil(self.pool_fraction * len(uncertain)))]
        picked = pick_farthest([frames[index] for index in pool], n_select, known, self.cutoff_A)
        return [int(pool[index]) for index in picked]


@dataclass(frozen=True)
class ByCalibration(Selector):
    """A diverse subset of the frames whose error is likely to be above a tolerance.

    The error of a frame is the root mean square over its atoms of the length of the error of the force. Frames are
    ranked by the probability that it is above the tolerance, given spread, elements and distance to the known frames:
    see ``Calibration``. The top ``pool_fraction`` of those that are uncertain (at least ``n_select``) is the pool, of
    which a diverse part is taken. A frame like the data, no farther from the known ones than these are from each other,
    is bought only if its error is more likely above the tolerance than not.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    tolerance_eV_A: float
    """Errors up to it are good enough [eV/Å]."""
    least_probability: float = 0.2
    """Frames whose error is above the tolerance with a smaller probability are certain enough [1]."""
    least_probability_like_data: float = 0.5
    """The same of frames no farther from the known ones than these are from each other [1]."""
    pool_fraction: float = 0.5
    """Part of the uncertain frames that diversity may choose from [1]."""
    diversity: str = "farthest"
    """How the pool is thinned: ``farthest``, points far from what is known and from each other; or ``clusters``, the
    likeliest of each cluster."""
    cutoff_A: float = 5.0
    """Cutoff of the descriptor that tells frames apart [Å]."""

    def __post_init__(self) -> None:
        for name in ("tolerance_eV_A", "pool_fraction", "cutoff_A"):
            check_positive(name, getattr(self, name))
        for name in ("least_probability", "least_probability_like_data", "pool_fraction"):
            check_share(name, getattr(self, name))
        check_choice("diversity", self.diversity, ("farthest", "clusters"))

    def probabilities(self, candidates: Candidates) -> np.ndarray:
        """Return the probability that the error of each frame is above the tolerance."""
        return candidates.error_model.frame_probability_above(candidates.scales_eV_A, self.tolerance_eV_A)

    def are_uncertain(self, candidates: Candidates) -> np.ndarray:
        """Return whether each frame likely errs by more than the tolerance, or failed a test of qualification."""
        least = np.where(candidates.distances <= 1.0, self.least_probability_like_data, self.least_probability)
        return (self.probabilities(candidates) > least) | candidates.have_failed

    def explain(self, candidates: Candidates, chosen: Sequence[int]) -> list[str]:
        """Return why each frame is bought, or why not; frames like the data are named as such."""
        likely = self.probabilities(candidates) > self.least_probability
        like_data = likely & ~self.are_uncertain(candidates)
        said = super().explain(candidates, chosen)
        return ["like the data" if like else words for like, words in zip(like_data, said, strict=True)]

    def select(self, candidates: Candidates, n_select: int, rng: np.random.Generator) -> list[int]:
        """Return the indices of the selected frames; none if all are certain."""
        uncertain = self.are_uncertain(candidates)
        ranked = _rank(candidates.scales_eV_A, rng)
        ranked = ranked[uncertain[ranked]]
        pool = ranked[: max(n_select, math.ceil(self.pool_fraction * len(ranked)))]
        frames = [candidates.frames[index] for index in pool]
        if self.diversity == "clusters":
            picked = pick_by_cluster(frames, n_select, self.cutoff_A)
        else:
            picked = pick_farthest(frames, n_select, candidates.known, self.cutoff_A)
        return [int(pool[index]) for index in picked]


@dataclass(frozen=True)
class AtRandom(Selector):
    """Frames at random, whatever the committee says: what the others must be better than."""

    needs_committee = False

    def select(self, candidates: Candidates, n_select: int, rng: np.random.Generator) -> list[int]:
        """Return indices drawn without replacement."""
        return [int(index) for index in rng.permutation(len(candidates.frames))[:n_select]]


@dataclass(frozen=True)
class ByNovelty(Selector):
    """Frames far from the known ones and from each other, whatever the committee says.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    needs_committee = False

    cutoff_A: float = 5.0
    """Cutoff of the descriptor [Å]."""

    def __post_init__(self) -> None:
        check_positive("cutoff_A", self.cutoff_A)

    def are_uncertain(self, candidates: Candidates) -> np.ndarray:
        """Return whether each frame is farther from the known ones than these are from each other."""
        return candidates.distances > 1.0

    def select(self, candidates: Candidates, n_select: int, rng: np.random.Generator) -> list[int]:
        """Return the indices of the selected frames, of which none is like the data."""
        ranked = _rank(candidates.distances, rng)
        pool = ranked[self.are_uncertain(candidates)[ranked]]
        picked = pick_farthest([candidates.frames[index] for index in pool], n_select, candidates.known, self.cutoff_A)
        return [int(pool[index]) for index in picked]


def _rank(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return indices in the order of their values, the largest first; chance decides between equals."""
    shuffled = rng.permutation(len(values))
    return shuffled[np.argsort(-values[shuffled], kind="stable")]
