"""The framework keeps its sites."""

from dataclasses import dataclass

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import Positive, Settings
from aiida_elyte.science.structure.lindemann import Framework

__all__ = ["FrameworkRmsd"]

_SOURCE = (
    "crystals without surface melt at a Lindemann ratio of 0.22, from mean sites (doi:10.1103/PhysRevLett.87.055703); "
    "the start may itself be a thermal frame, which adds a factor of √2"
)


@dataclass(frozen=True)
class FrameworkRmsd(Settings, Qualification):
    """The framework does not melt.

    The value is the largest Lindemann ratio over the looks of all runs and the sampled frames: root mean squared
    displacement over the distance to the next atom of the species, of the species that has moved least. Polyanions that
    rotate about their centres pass.
    """

    max_lindemann: Positive = 0.3
    """Largest ratio [1]."""
    is_mandatory = True
    needs_framework = True

    def judge(self, evidence: Evidence) -> Finding:
        """Return the largest ratio, and the frames beyond the limit."""
        if not evidence.framework or evidence.start is None:
            why = "no framework is named" if not evidence.framework else "no frame to measure displacements from"
            return not_judged(f"{why}; name its species, or switch the test off", "1", self.max_lindemann, _SOURCE)
        framework = Framework(evidence.start, evidence.framework)
        faults, found = {}, []
        for run, label, ratio in evidence.of_replicas("lindemann"):
            found.append((ratio["max"], f"{label} of {run}"))
            if ratio["max"] > self.max_lindemann:
                faults[run, label, ratio["step"]] = f"Lindemann ratio {ratio['max']:.2f} of the framework"
        offending = evidence.blame(faults)
        for index, frame in enumerate(evidence.sampled):
            moved = framework.moved(frame.positions, frame.cell.array).lindemann
            found.append((moved, f"frame {index}"))
            if moved > self.max_lindemann:
                offending[index] = f"Lindemann ratio {moved:.2f} of the framework"
        if not found:
            return not_judged("nothing was sampled", "1", self.max_lindemann, _SOURCE)
        largest, where = max(found)
        return Finding(
            value=largest,
            unit="1",
            threshold=self.max_lindemann,
            source=_SOURCE,
            passed=largest <= self.max_lindemann,
            offending=offending,
            reason=f"Lindemann ratio of the {'-'.join(evidence.framework)} framework {largest:.2f} at most, in {where}",
        )
