"""Atoms come no nearer than in the training set."""

from dataclasses import dataclass

from aiida_elyte.science.contact import CONTACT_CUTOFF_A, shortest_distances
from aiida_elyte.science.learning.filters import is_finite
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.qualification.known import known_shortest
from aiida_elyte.science.settings import Positive, Settings

__all__ = ["ShortestDistance"]

_SOURCE = (
    "a hundred frames drawn from 1790 of PBE dynamics of Li10GeP2S12 miss the shortest distance of the rest by 16 % at "
    "most; a longer and hotter run of a sound potential stays above, atoms that collapse go far below"
)


@dataclass(frozen=True)
class ShortestDistance(Settings, Qualification):
    """No two atoms of a pair of elements come much nearer than any such pair in the training set.

    The value is the smallest ratio, over the looks of all runs, sampled frames and pairs of elements, of the shortest
    distance to the shortest in the training set. Labelled frames with forces that no dynamics meets, as those of seeds
    that teach repulsion, are left out. A pair that the training set does not hold within 4 Å counts as if its shortest
    distance were 4 Å.
    """

    min_ratio: Positive = 0.8
    """Smallest ratio that passes [1]."""

    def judge(self, evidence: Evidence) -> Finding:
        """Return the smallest ratio, and the frames below the limit with the pair that is too near."""
        known = known_shortest(evidence.labelled, evidence.temperature_K)
        broken = {
            index: "not finite: positions, cell or a measured value"
            for index, frame in enumerate(evidence.sampled)
            if not is_finite(frame)
        }
        if not known and not broken:
            return not_judged("no labelled frame to compare with", "1", self.min_ratio, _SOURCE)
        found: dict[tuple[str, int | tuple[str, str, float]], float] = {}
        for run, label, pairs in evidence.of_replicas("shortest_A"):
            for pair, one in pairs.items():
                found[pair, (run, label, one["step"])] = one["distance"] / known.get(pair, CONTACT_CUTOFF_A)
        for index, frame in enumerate(evidence.sampled):
            if index not in broken:
                for pair, distance in shortest_distances(frame, CONTACT_CUTOFF_A).items():
                    found[pair, index] = distance / known.get(pair, CONTACT_CUTOFF_A)
        if not found:
            why = "nothing was sampled" if not broken else "no sampled frame is finite"
            return Finding(None, "1", self.min_ratio, _SOURCE, False if broken else None, broken, why)
        offending = dict(broken)
        for (pair, place), ratio in sorted(found.items(), key=lambda item: -item[1]):
            near = place if isinstance(place, int) else evidence.frame_near(*place)
            if ratio < self.min_ratio and near is not None:
                offending[near] = f"{pair} at {ratio:.3f} of the shortest distance in the training set"
        (pair, _), smallest = min(found.items(), key=lambda item: item[1])
        return Finding(
            value=smallest,
            unit="1",
            threshold=self.min_ratio,
            source=_SOURCE,
            passed=smallest >= self.min_ratio and not broken,
            offending=offending,
            reason=f"{pair} came to {smallest:.2f} of its shortest labelled distance, "
            f"{smallest * known.get(pair, CONTACT_CUTOFF_A):.2f} Å",
        )
