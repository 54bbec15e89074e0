"""The forces that drive the dynamics are within their calibrated error."""

from dataclasses import dataclass

import numpy as np

from aiida_elyte.science.frames import committee_of
from aiida_elyte.science.learning.novelty import measure_distances
from aiida_elyte.science.learning.observations import features_of
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.qualification.thinning import spaced
from aiida_elyte.science.settings import Positive, Settings, Share

__all__ = ["CalibratedError"]

_SOURCE = (
    "errors of the forces of 0.3 eV/Å are a third of the thermal forces of a hot crystal, of about 1 eV/Å; the "
    "committee knows a run of which nine frames in ten are more likely below than above"
)
_MOST_SAMPLED, _MOST_LABELLED = 60, 300
"""Frames that are judged and compared with, at equal steps through each set."""


@dataclass(frozen=True)
class CalibratedError(Settings, Qualification):
    """Few sampled frames have forces whose error is likely above a tolerance.

    The value is the share of sampled frames whose error, the root mean square over the atoms, is more likely above the
    tolerance than below it, by the calibration of the committee's spread.
    """

    tolerance_eV_A: Positive = 0.3
    """Tolerance [eV/Å]."""
    max_share: Share = 0.1
    """Largest share of such frames [1]."""

    def judge(self, evidence: Evidence) -> Finding:
        """Return the share of frames that are likely wrong, and these frames."""
        calibration = evidence.calibration
        chosen = spaced(len(evidence.sampled), _MOST_SAMPLED)
        why = None
        if calibration is None or not calibration.n_frames:
            why = "the committee's spread is not calibrated"
        elif not len(evidence.labelled) or not len(chosen):
            why = "no labelled frame to compare with" if not len(evidence.labelled) else "nothing was sampled"
        if why is not None or calibration is None:
            return not_judged(str(why), "1", self.max_share, _SOURCE)
        frames = [evidence.sampled[index] for index in chosen]
        known = [evidence.labelled[index] for index in spaced(len(evidence.labelled), _MOST_LABELLED)]
        if any(committee_of(frame) is None for frame in frames):
            return not_judged("sampled frames hold no committee spread", "1", self.max_share, _SOURCE)
        features = features_of(frames, measure_distances(frames, known, calibration.cutoff_A))
        scales = calibration.frame_scales(features)
        likely = calibration.frame_probability_above(scales, self.tolerance_eV_A) > 0.5
        expected = calibration.frame_errors(scales)
        share, passed = float(likely.mean()), bool(likely.mean() <= self.max_share)
        offending = {
            int(chosen[place]): f"forces are expected to err by {expected[place]:.2f} eV/Å"
            for place in np.flatnonzero(likely)
        }
        return Finding(
            value=share,
            unit="1",
            threshold=self.max_share,
            source=_SOURCE,
            passed=passed,
            offending={} if passed else offending,
            reason=f"{share:.0%} of frames are likely wrong by more than {self.tolerance_eV_A:g} eV/Å; the median "
            f"frame is expected to err by {np.median(expected):.3f} eV/Å",
        )
