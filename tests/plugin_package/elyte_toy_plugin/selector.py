"""A selector without a threshold."""

from dataclasses import dataclass

import numpy as np

from aiida_elyte.science.learning.selection import Candidates, Selector

__all__ = ["AtRandom"]


@dataclass(frozen=True)
class AtRandom(Selector):
    """Frames at random, whatever the committee says."""

    def select(self, candidates: Candidates, n_select: int, rng: np.random.Generator) -> list[int]:
        """Return indices drawn without replacement."""
        return [int(index) for index in rng.permutation(len(candidates.frames))[:n_select]]
