"""The density at constant pressure is that of a reference."""

from dataclasses import dataclass
from math import inf

from ase import units

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import Positive, Settings, Share

__all__ = ["Density"]

_SOURCE = (
    "lattice constants of semilocal functionals err by 1 to 2 % (doi:10.1103/PhysRevB.79.085104), densities by three "
    "times as much"
)


@dataclass(frozen=True)
class Density(Settings, Qualification):
    """The mean density of dynamics at constant pressure is that of a reference, if one is given.

    The value is the error of the mean over the replicas, over the reference.
    """

    reference_g_cm3: Positive | None = None
    """Density to be met [g/cm³]; ``None``: not judged."""
    max_error: Share = 0.05
    """Largest error [1]."""
    runs = ("npt",)

    def judge(self, evidence: Evidence) -> Finding:
        """Return the error, and the last frame of each replica if it is beyond the limit."""
        volumes = {
            (run, label, inf): volume["mean"]
            for run, label, volume in evidence.of_replicas("volume_A3", self.runs)
            if volume is not None
        }
        if self.reference_g_cm3 is None or not volumes or evidence.start is None:
            why = "no reference is given" if self.reference_g_cm3 is None else "no run at constant pressure"
            return not_judged(why, "1", self.max_error, _SOURCE)
        mass_g = evidence.start.get_masses().sum() / units.kg * 1e3
        density = mass_g / (1e-24 * sum(volumes.values()) / len(volumes))
        error = abs(density / self.reference_g_cm3 - 1.0)
        said = f"density {density:.3f} g/cm³ where {self.reference_g_cm3:g} are expected"
        passed = error <= self.max_error
        faults = {} if passed else dict.fromkeys(volumes, said)
        return Finding(float(error), "1", self.max_error, _SOURCE, bool(passed), evidence.blame(faults), said)
