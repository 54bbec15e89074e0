import pytest

from aiida_elyte.science.learning.calibration import CalibrationSettings, uncalibrated
from aiida_elyte.science.qualification.known import known_shortest
from aiida_elyte.science.qualification.limits import production_limits
from tests.science.qualification.runs import evidence


def test_production_is_held_to_what_the_qualification_saw():
    calibration = uncalibrated(CalibrationSettings(), "no labels")
    found = production_limits(evidence(calibration=calibration))
    assert found["known_shortest_A"] == known_shortest(evidence().labelled, 600.0)
    assert found["tolerance_eV_A"] == pytest.approx(0.2)
    assert found["calibration_factor"] == calibration.factor


def test_what_is_not_known_is_left_out():
    assert production_limits(evidence(labelled=[], runs={})) == {}
