"""The committee does not lose its agreement along a run."""

from dataclasses import dataclass
from math import inf

import numpy as np

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import Positive, Settings

__all__ = ["CommitteeSpread"]

_SOURCE = (
    "a stationary run has a stationary spread: its thirds differ by the scatter of a few correlation times, while a "
    "run that leaves the data sees it multiply"
)
_LEAST_LOOKS = 9


@dataclass(frozen=True)
class CommitteeSpread(Settings, Qualification):
    """The spread of the members' forces does not grow along a run.

    The value is the largest ratio, over replicas, of the mean spread in the last third of a run to that in the first.
    """

    max_growth: Positive = 1.5
    """Largest ratio [1]."""

    def judge(self, evidence: Evidence) -> Finding:
        """Return the largest growth, and the last frame of each replica beyond the limit."""
        found = {}
        for run, label, history in evidence.of_replicas("history", self.runs):
            spreads = np.array(history["spread"]["spread_mean_eV_A"], float)
            if len(spreads) >= _LEAST_LOOKS:
                first, _, last = (third.mean() for third in np.array_split(spreads, 3))
                if first > 0:
                    found[run, label, inf] = float(last / first)
        if not found:
            return not_judged("no record of members that disagree", "1", self.max_growth, _SOURCE)
        faults = {where: f"spread grew {ratio:.2f} times" for where, ratio in found.items() if ratio > self.max_growth}
        worst = max(found, key=found.__getitem__)
        return Finding(
            value=found[worst],
            unit="1",
            threshold=self.max_growth,
            source=_SOURCE,
            passed=not faults,
            offending=evidence.blame(faults),
            reason=f"the last third of {worst[1]} has {found[worst]:.2f} times the spread of the first",
        )
