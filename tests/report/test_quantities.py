"""Numbers are printed with the digits their errors allow."""

import math

import pytest

from aiida_elyte.report.quantities import (
    format_bound,
    format_duration,
    format_errors,
    format_estimate,
    format_interval,
    format_number,
    format_value,
)


@pytest.mark.parametrize(
    ("value", "std", "printed"),
    [
        (12.345, 1.4, "12.3 ± 1.4"),  # 1.4: two digits
        (0.827, 0.119, "0.83 ± 0.12"),  # the examples of the Particle Data Group
        (0.827, 0.367, "0.8 ± 0.4"),
        (0.827, 0.96, "0.8 ± 1.0"),
        (9.96, 0.05, "9.96 ± 0.05"),
        (1234.0, 3.0, "1234.0 ± 3.0"),
        (1234.0, 56.0, "(1.23 ± 0.06) × 10³"),  # no digit that means nothing
        (1.234e-5, 2.1e-7, "(1.234 ± 0.021) × 10⁻⁵"),
        (-4.2, 0.3, "-4.20 ± 0.30"),
        (0.0, 0.02, "0.000 ± 0.020"),
    ],
)
def test_error_sets_the_digits(value, std, printed):
    assert format_value(value, std) == printed


def test_without_error_three_digits():
    assert format_value(12.3456, 0.0, "mS/cm") == "12.3 mS/cm"
    assert format_value(12.3456, math.nan) == "12.3"


@pytest.mark.parametrize(
    ("value", "printed"),
    [(0, "0"), (0.999999, "1.00"), (99999.0, "1.00 × 10⁵"), (2e-6, "2.00 × 10⁻⁶"), (math.nan, "—")],
)
def test_numbers(value, printed):
    assert format_number(value) == printed


@pytest.mark.parametrize(
    ("limit", "printed"),
    [(0.4101, "< 0.42"), (0.42, "< 0.42"), (117.0, "< 120"), (3.11e-9, "< 3.2 × 10⁻⁹"), (math.inf, "—")],
)
def test_a_bound_is_never_tightened_by_printing(limit, printed):
    assert format_bound(limit) == printed


def test_interval_shares_its_power_of_ten():
    assert format_interval((1.1e-6, 2.3e-6), "cm2/s") == "(1.10 – 2.30) × 10⁻⁶ cm²/s"
    assert format_interval((0.0, 2.5)) == "0 – 2.50"
    assert format_interval((1e-4, 0.05)) == "1.0 × 10⁻⁴ – 0.050"


def test_one_cell_says_value_or_bound_or_refusal():
    estimate = {"value": 12.345, "std": 1.4, "ci95": [9.5, 15.2], "unit": "mS/cm"}
    assert format_estimate(estimate) == "12.3 ± 1.4 mS/cm"
    assert format_estimate({"refused": "too short", "upper_bound": {**estimate, "value": 0.5}}) == "< 0.50 mS/cm"
    assert format_estimate({"refused": "too short", "upper_bound": None}) == "refused"
    assert format_estimate(None) == "—"


def test_large_errors_are_told_by_their_interval():
    estimate = {"value": 0.002, "std": 0.003, "ci95": [1e-4, 0.04], "unit": "mS/cm"}
    assert format_estimate(estimate) == "0.0020 mS/cm (95 %: 1.0 × 10⁻⁴ – 0.040)"
    assert format_estimate(estimate, with_interval=False) == "≈ 0.0020 mS/cm"


@pytest.mark.parametrize(("seconds", "printed"), [(None, "—"), (61.2, "61 s"), (600, "10.0 min"), (9000, "2.5 h")])
def test_times(seconds, printed):
    assert format_duration(seconds) == printed


def test_terms_of_an_error_are_told_apart_and_members_left_out():
    terms = {"statistical": 0.31, "model": None, "members": {"m00": [1.0, 0.1]}, "calibration_factor": 1.2}
    assert format_errors({"errors": terms}) == "statistical 0.31, model not known"
    assert format_errors({"errors": None}) == format_errors({}) == ""
