"""Atoms come no nearer than in the training set."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from aiida_elyte.science.learning.filters import is_finite
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import check_positive

__all__ = ["ShortestDistance"]


@dataclass(frozen=True)
class ShortestDistance(Qualification):
    """No two atoms of a pair of elements come nearer than any such pair in the training set.

    The value is the smallest ratio, over sampled frames and pairs of elements, of the shortest distance in the frame to
    the shortest in the training set. A pair that the training set does not hold within the cutoff counts as if its
    shortest distance were the cutoff.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    min_ratio: float = 1.0
    """Smallest ratio that passes [1]; at 1 no repulsion is extrapolated."""
    cutoff_A: float = 4.0
    """Pairs farther apart are not looked at [Å]."""

    def __post_init__(self) -> None:
        check_positive("min_ratio", self.min_ratio)
        check_positive("cutoff_A", self.cutoff_A)

    def judge(self, evidence: Evidence) -> Finding:
        """Return the smallest ratio, and the frames below the limit with the pair that is too near."""
        known: dict[tuple[str, str], float] = {}
        for frame in evidence.labelled:
            for pair, distance in _shortest(frame, self.cutoff_A).items():
                known[pair] = min(distance, known.get(pair, self.cutoff_A))
        smallest, offending = np.inf, {}
        for index, frame in enumerate(evidence.sampled):
            if not is_finite(frame):
                offending[index] = "not finite: positions, cell or a measured value"
                continue
            ratios = {
                pair: distance / known.get(pair, self.cutoff_A)
                for pair, distance in _shortest(frame, self.cutoff_A).items()
            }
            if not ratios:
                continue
            pair = min(ratios, key=ratios.__getitem__)
            smallest = min(smallest, ratios[pair])
            if ratios[pair] < self.min_ratio:
                offending[index] = (
                    f"{'-'.join(pair)} at {ratios[pair]:.3f} of the shortest distance in the training set"
                )
        measured = bool(np.isfinite(smallest))
        return Finding(
            value=float(smallest) if measured else None,
            unit="1",
            threshold=self.min_ratio,
            source="the training set: below its shortest distance the repulsion is extrapolated",
            passed=not offending if measured or offending else None,
            offending=offending,
        )


def _shortest(frame: Atoms, cutoff_A: float) -> dict[tuple[str, str], float]:
    """Return the shortest distance of each pair of elements within the cutoff [Å]."""
    first, second, distances = neighbor_list("ijd", frame, cutoff_A)
    symbols = np.array(frame.get_chemical_symbols())
    shortest: dict[tuple[str, str], float] = {}
    for element, other in {(one, two) for one in set(symbols) for two in set(symbols) if one <= two}:
        found = distances[(symbols[first] == element) & (symbols[second] == other)]
        if len(found):
            shortest[str(element), str(other)] = float(found.min())
    return shortest
