"""Energy is conserved where nothing takes it away."""

from dataclasses import dataclass
from math import inf

import numpy as np
from ase import units

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import Positive, Settings

__all__ = ["EnergyDrift"]

_UNIT = "kT/atom/ps"
_SOURCE = (
    "Langevin dynamics takes 3γkΔT from an atom: at a friction γ of 1/ps a drift of 0.01 kT/atom/ps would heat the "
    "production runs by 0.3 %"
)
_LEAST_LOOKS = 5


@dataclass(frozen=True)
class EnergyDrift(Settings, Qualification):
    r"""The conserved quantity of microcanonical dynamics does not drift.

    .. math:: \frac{1}{N kT} \left| \frac{dE}{dt} \right|

    with the slope of a least-squares line through the energy E of N atoms over the run, less two standard errors of it.
    The value is that of the replica that drifts most. Forces that are no gradient of an energy, a step that is too long
    and a precision that is too low all show here.
    """

    max_drift_kT_ps: Positive = 0.01
    """Largest drift [kT/atom/ps]."""
    runs = ("nve",)
    is_mandatory = True

    def judge(self, evidence: Evidence) -> Finding:
        """Return the largest drift, and the last frame of each replica beyond the limit."""
        drifts = {}
        for run, label, history in evidence.of_replicas("history", self.runs):
            results = evidence.runs[run]
            if label not in results["stops"] and len(history["step"]) >= _LEAST_LOOKS:
                time_ps = 1e-3 * results["timestep_fs"] * np.array(history["step"], float)
                drifts[run, label, inf] = _drift(time_ps, np.array(history["conserved_change_eV_atom"]))
        if not drifts or evidence.temperature_K is None:
            why = "no replica of microcanonical dynamics ran to its end" if not drifts else "no temperature is given"
            return not_judged(why, _UNIT, self.max_drift_kT_ps, _SOURCE)
        kT = units.kB * evidence.temperature_K
        faults = {
            where: f"energy drifts by {1e3 * drift:.3g} meV/atom/ps"
            for where, drift in drifts.items()
            if abs(drift) > self.max_drift_kT_ps * kT
        }
        worst = max(drifts.values(), key=abs)
        return Finding(
            value=abs(worst) / kT,
            unit=_UNIT,
            threshold=self.max_drift_kT_ps,
            source=_SOURCE,
            passed=not faults,
            offending=evidence.blame(faults),
            reason=f"energy drifts by {1e3 * worst:.3g} meV/atom/ps at most, in {len(drifts)} replicas",
        )


def _drift(time_ps: np.ndarray, energy_eV: np.ndarray) -> float:
    """Return the slope of the energy, nearer to zero by two standard errors, or zero within these [eV/ps]."""
    slope, start = np.polyfit(time_ps, energy_eV, 1)
    scatter = np.sum((energy_eV - slope * time_ps - start) ** 2) / (len(time_ps) - 2)
    error = np.sqrt(scatter / np.sum((time_ps - time_ps.mean()) ** 2))
    return float(np.sign(slope) * max(abs(slope) - 2.0 * error, 0.0))
