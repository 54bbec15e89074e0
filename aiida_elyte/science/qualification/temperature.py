"""The temperature stays what the thermostat makes it."""

from dataclasses import dataclass
from math import inf, sqrt

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import Positive, Settings, Share

__all__ = ["MeanTemperature", "RunawayTemperature"]

_MEAN_SOURCE = (
    "Langevin dynamics takes 3γkΔT from an atom: at a friction γ of 1/ps an error of 5 % stands for a leak of "
    "0.15 kT/atom/ps, and for one of 5 % in every thermal average"
)
_RUNAWAY_SOURCE = (
    "the canonical ensemble: kinetic temperatures scatter by √(2/3N) T, and fewer than one look in 10⁷ of the smallest "
    "cells is beyond eight of these"
)


@dataclass(frozen=True)
class MeanTemperature(Settings, Qualification):
    """The mean temperature of thermostatted dynamics is the one that was set.

    The value is the error of the replica that errs most, over the temperature that was set; five standard errors of its
    mean are taken off.
    """

    max_error: Share = 0.05
    """Largest error [1]."""
    is_mandatory = True

    def judge(self, evidence: Evidence) -> Finding:
        """Return the largest error, and the last frame of each replica beyond the limit."""
        target = evidence.temperature_K
        means = {
            (run, label, inf): mean
            for run, label, mean in evidence.of_replicas("temperature_K", self.runs)
            if mean is not None and "std_err" in mean
        }
        if not means or target is None:
            why = "no replica ran long enough for a mean temperature" if not means else "no temperature is given"
            return not_judged(why, "1", self.max_error, _MEAN_SOURCE)
        errors = {
            where: max(abs(mean["mean"] - target) - 5.0 * mean["std_err"], 0.0) / target
            for where, mean in means.items()
        }
        faults = {
            where: f"mean temperature {means[where]['mean']:.0f} K where {target:g} K are set"
            for where, error in errors.items()
            if error > self.max_error
        }
        worst = max(errors, key=errors.__getitem__)
        return Finding(
            value=errors[worst],
            unit="1",
            threshold=self.max_error,
            source=_MEAN_SOURCE,
            passed=not faults,
            offending=evidence.blame(faults),
            reason=f"mean temperature of {worst[1]} is {means[worst]['mean']:.0f} K where {target:g} K are set",
        )


@dataclass(frozen=True)
class RunawayTemperature(Settings, Qualification):
    """The temperature never leaves what a canonical ensemble may show.

    The value is the highest temperature of any look, in standard deviations of the canonical ensemble above the target.
    """

    max_excursion: Positive = 8.0
    """Highest temperature [standard deviations]."""
    is_mandatory = True

    def judge(self, evidence: Evidence) -> Finding:
        """Return the largest excursion, and the frame nearest to each beyond the limit."""
        target, found, hottest = evidence.temperature_K, {}, {}
        if target is not None:
            for run, label, extremes in evidence.of_replicas("temperature_extremes_K", self.runs):
                deviation = target * sqrt(2.0 / (3.0 * evidence.runs[run]["n_atoms"][label]))
                found[run, label, extremes["step"]] = (extremes["max"] - target) / deviation
                hottest[run, label, extremes["step"]] = extremes["max"]
        if not found:
            return not_judged("no record of temperatures", "σ", self.max_excursion, _RUNAWAY_SOURCE)
        faults = {
            where: f"{hottest[where]:.0f} K where {target:g} K are set"
            for where, excursion in found.items()
            if excursion > self.max_excursion
        }
        worst = max(found, key=found.__getitem__)
        return Finding(
            value=found[worst],
            unit="σ",
            threshold=self.max_excursion,
            source=_RUNAWAY_SOURCE,
            passed=not faults,
            offending=evidence.blame(faults),
            reason=f"{worst[1]} reached {hottest[worst]:.0f} K at step {worst[2]} where {target:g} K are set",
        )
