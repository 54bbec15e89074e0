"""Every replica reaches its end."""

from dataclasses import dataclass
from math import inf

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import Settings, Share

__all__ = ["Survival"]

_SOURCE = "a replica that explodes, collides or melts is no sample of the material; those that last are a biased one"


@dataclass(frozen=True)
class Survival(Settings, Qualification):
    """No replica was given up: none exploded, collided, melted or left what the committee knows.

    The value is the share of replicas, of all runs, that a stop ended.
    """

    max_stopped: Share = 0.0
    """Largest share of stopped replicas [1]."""
    is_mandatory = True

    def judge(self, evidence: Evidence) -> Finding:
        """Return the share of replicas that stopped, and their last frames."""
        n_replicas = len(list(evidence.of_replicas("n_steps_done")))
        if not n_replicas:
            return not_judged("no run to judge by", "1", self.max_stopped, _SOURCE)
        faults = {(run, label, inf): stop["message"] for run, label, stop in evidence.of_replicas("stops")}
        first = next((f"; {label} of {run}: {said}" for (run, label, _), said in faults.items()), "")
        share = len(faults) / n_replicas
        passed = share <= self.max_stopped
        reason = f"{len(faults)} of {n_replicas} replicas stopped{first}"
        return Finding(share, "1", self.max_stopped, _SOURCE, passed, {} if passed else evidence.blame(faults), reason)
