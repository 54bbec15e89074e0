from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.frames import attach_committee
from aiida_elyte.science.learning.calibration import CalibrationSettings, uncalibrated
from aiida_elyte.science.qualification.calibrated_error import CalibratedError
from tests.science.qualification.runs import evidence, sampled

# A calibration by which the error is twice the spread, as of five labelled frames.
CALIBRATION = replace(uncalibrated(CalibrationSettings(default_factor=2.0), "made by hand"), n_frames=5)


def spread(*spreads_eV_A):
    frames = sampled(len(spreads_eV_A) // 2)
    for frame, value in zip(frames, spreads_eV_A, strict=True):
        attach_committee(frame, np.zeros((8, 3)), np.full(8, value))
    return evidence(sampled=frames, calibration=CALIBRATION)


class TestCalibratedError(QualificationContract):
    @pytest.fixture
    def mine(self):
        return CalibratedError()

    @pytest.fixture
    def good(self):
        return spread(*[0.05] * 10)

    @pytest.fixture
    def bad(self):
        return spread(*[0.05] * 6, *[0.4] * 4)


def test_the_value_is_the_share_of_frames_that_are_likely_wrong():
    assert CalibratedError().judge(spread(*[0.05] * 6, *[0.4] * 4)).value == pytest.approx(0.4)
    assert CalibratedError(tolerance_eV_A=2.0).judge(spread(*[0.4] * 4)).value == 0.0


def test_without_calibration_or_spread_it_is_not_judged():
    alone = evidence(calibration=CALIBRATION)
    assert CalibratedError().judge(alone).reason == "sampled frames hold no committee spread"
    guessed = uncalibrated(CalibrationSettings(), "no labels yet")
    for calibration in (None, guessed):
        found = CalibratedError().judge(evidence(calibration=calibration))
        assert (found.passed, found.reason) == (None, "the committee's spread is not calibrated")
