"""Sampled frames resemble the training set."""

from dataclasses import dataclass

import numpy as np

from aiida_elyte.science.learning.novelty import frame_distances, measure_distances
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.qualification.thinning import spaced
from aiida_elyte.science.settings import Positive, Settings

__all__ = ["Extrapolation"]

_SOURCE = (
    "frames held out of PBE dynamics of Li10GeP2S12 are within 1.7 of a hundred others; those of dynamics one step "
    "hotter than all of the data are at 3.3, those far hotter beyond 6"
)
_MOST_SAMPLED, _MOST_LABELLED = 60, 300
"""Frames that are compared, at equal steps through each set."""
_SHARE = 90.0
"""Percentile over the sampled frames that is judged: a few odd frames do not decide."""


@dataclass(frozen=True)
class Extrapolation(Settings, Qualification):
    """The surroundings of the atoms are near those in the training set, in the space of their descriptors.

    The value is the 90th percentile over sampled frames of their distance to the training set, in units of the distance
    of the labelled frames from each other: see ``measure_distances``.
    """

    max_distance: Positive = 3.0
    """Largest distance [1]."""

    def judge(self, evidence: Evidence) -> Finding:
        """Return the distance of the sampled frames, and those beyond the limit."""
        if not len(evidence.labelled) or not len(evidence.sampled):
            why = "no labelled frame to compare with" if not len(evidence.labelled) else "nothing was sampled"
            return not_judged(why, "1", self.max_distance, _SOURCE)
        chosen = spaced(len(evidence.sampled), _MOST_SAMPLED)
        known = [evidence.labelled[index] for index in spaced(len(evidence.labelled), _MOST_LABELLED)]
        distances = frame_distances(measure_distances([evidence.sampled[index] for index in chosen], known))
        value = float(np.percentile(distances, _SHARE))
        passed = value <= self.max_distance
        offending = {
            int(index): f"{distance:.1f} times as far from the labelled frames as these from each other"
            for index, distance in zip(chosen, distances, strict=True)
            if distance > self.max_distance
        }
        return Finding(
            value=value,
            unit="1",
            threshold=self.max_distance,
            source=_SOURCE,
            passed=passed,
            offending={} if passed else offending,
            reason=f"sampled frames are {value:.2f} times as far from the labelled frames as these from each other",
        )
