"""Results as JSON takes them."""

import json

from aiida_elyte.science.statistics.estimate import ErrorTerms, Estimate, result_from_dict

PLAIN = {
    "value": 1.0,
    "std": 0.5,
    "ci95": [0.1, 2.0],
    "unit": "eV",
    "n_effective": 9.0,
    "method": "made up",
    "window": None,
}


def test_error_terms_come_back_from_json():
    errors = ErrorTerms(0.3, 0.4, calibration_factor=1.5, members={"m00": (0.9, 0.1), "m01": (1.1, 0.1)})
    estimate = Estimate(1.0, 0.5, (0.1, 2.0), "eV", 9.0, "made up", errors=errors)
    assert result_from_dict(json.loads(json.dumps(estimate.as_dict()))) == estimate


def test_results_from_before_error_terms_still_load():
    assert result_from_dict(PLAIN) == Estimate(1.0, 0.5, (0.1, 2.0), "eV", 9.0, "made up")
