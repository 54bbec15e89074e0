import json
from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.calibration import (
    Calibration,
    CalibrationSettings,
    judge_calibration,
    uncalibrated,
)
from aiida_elyte.science.learning.calibration_fit import fit_calibration
from aiida_elyte.science.learning.observations import Features, Observations
from tests.science.learning.synthetic_errors import OFFSETS, draw

SETTINGS = CalibrationSettings()


def rng(seed=0):
    return np.random.default_rng(seed)


def atoms(spreads, distances=1.0, number=3):
    spreads = np.atleast_1d(np.asarray(spreads, float))
    return Features(
        np.full(len(spreads), number), spreads, np.full(len(spreads), float(distances)), np.zeros(len(spreads), int)
    )


def test_the_law_of_the_errors_is_found():
    found = fit_calibration(draw(200, rng(), n_each=10), SETTINGS)
    assert found.slope_spread == pytest.approx(0.8, abs=0.05)
    assert found.slope_distance == pytest.approx(0.5, abs=0.05)
    offsets = np.array([found.offsets[symbol] for symbol in ("Li", "P", "S")])
    expected = np.log(list(OFFSETS.values()))
    np.testing.assert_allclose(offsets - offsets.mean(), expected - expected.mean(), atol=0.05)
    assert found.fallback is None


@pytest.mark.parametrize("together", [0.0, 0.4])
@pytest.mark.parametrize("n_frames", [12, 40])
def test_bounds_of_90_percent_hold_for_90_percent_of_new_frames(n_frames, together):
    shares, frame_shares, by_element = [], [], []
    for seed in range(30):
        source = rng(seed)
        found = fit_calibration(draw(n_frames, source, together), SETTINGS)
        new = draw(40, source, together)
        below = new.errors_eV_A <= found.bound(new, 0.9)
        shares.append(below.mean())
        by_element.append([below[new.numbers == number].mean() for number in OFFSETS])
        errors = np.sqrt(new.mean_over_frames(new.errors_eV_A**2))
        frame_shares.append((errors <= found.frame_bound(found.frame_scales(new), 0.9)).mean())
    assert np.mean(shares) == pytest.approx(0.92, abs=0.03)  # on the safe side where frames are few
    np.testing.assert_allclose(np.mean(by_element, axis=0), 0.92, atol=0.04)
    assert np.mean(frame_shares) == pytest.approx(0.92, abs=0.04)


def test_a_share_of_p_of_the_frames_with_probability_p_is_above_the_tolerance():
    source = rng(3)
    found, new = fit_calibration(draw(60, source), SETTINGS), draw(2000, source)
    errors = np.sqrt(new.mean_over_frames(new.errors_eV_A**2))
    probabilities = found.frame_probability_above(found.frame_scales(new), np.median(errors))
    for low, high in ((0.1, 0.4), (0.4, 0.6), (0.6, 0.9)):
        chosen = (probabilities > low) & (probabilities < high)
        assert (errors[chosen] > np.median(errors)).mean() == pytest.approx(probabilities[chosen].mean(), abs=0.1)
    of_atoms = found.probability_above(new, 0.3)
    chosen = (of_atoms > 0.3) & (of_atoms < 0.7)
    assert (new.errors_eV_A[chosen] > 0.3).mean() == pytest.approx(of_atoms[chosen].mean(), abs=0.05)


def test_probability_is_the_level_of_the_bound_taken_from_one():
    source = rng(4)
    found, new = fit_calibration(draw(60, source), SETTINGS), draw(1, source)
    for level in (0.3, 0.6, 0.9):
        bounds = found.bound(new, level)
        for place in range(0, len(bounds), 5):
            assert found.probability_above(new, bounds[place])[place] == pytest.approx(1 - level, abs=0.006)
    scales = found.frame_scales(new)
    assert found.frame_probability_above(scales, found.frame_bound(scales, 0.8)[0])[0] == pytest.approx(0.2)


def test_errors_that_frames_share_leave_fewer_independent_residuals():
    alone, together = (fit_calibration(draw(30, rng(), width), SETTINGS).counts[""] for width in (0.0, 3.0))
    assert alone > 400  # of 540 atoms
    assert together == pytest.approx(30, rel=0.3)  # frames


def test_more_spread_or_distance_never_means_less_error():
    given = draw(20, rng())
    reverse = replace(given, errors_eV_A=0.01 / given.spreads_eV_A / given.distances)
    found = fit_calibration(reverse, SETTINGS)
    assert found.slope_spread == pytest.approx(0.0, abs=1e-6)
    assert found.slope_distance == pytest.approx(0.0, abs=1e-6)
    scales = fit_calibration(given, SETTINGS).scale(atoms([0.0, 0.01, 0.1, 1.0, 100.0]))
    assert (np.diff(scales) > 0).all()


def test_one_wild_frame_does_not_turn_the_scale():
    given = draw(30, rng())
    wild = replace(given, errors_eV_A=np.where(given.frames == 4, 100.0, given.errors_eV_A))
    ours, theirs = (fit_calibration(one, SETTINGS).scale(atoms([0.05, 0.2])) for one in (wild, given))
    np.testing.assert_allclose(ours, theirs, rtol=0.25)


def test_the_factor_is_the_ratio_of_root_mean_squares():
    given = draw(10, rng())
    spreads = np.full(len(given.numbers), 0.2)
    found = fit_calibration(replace(given, spreads_eV_A=spreads, errors_eV_A=3.5 * spreads), SETTINGS)
    assert found.factor == pytest.approx(3.5)


def test_too_few_frames_fall_back_to_the_spread_and_say_so():
    found = fit_calibration(draw(4, rng()), SETTINGS)
    assert found.fallback == (
        "4 labelled frames have a committee spread, fewer than the 5 that a calibration takes: errors are taken as "
        "2.5 times the committee spread"
    )
    # three Gaussian components of variance (0.25)²/3: 90 % of their lengths lie below √(6.251/3) · 0.25
    assert found.bound(atoms(0.1), 0.9)[0] == pytest.approx(0.25 * np.sqrt(6.251 / 3), rel=0.01)
    assert found.frame_probability_above(np.array([0.2]), 0.2)[0] == pytest.approx(0.5)
    assert fit_calibration(Observations.none(), SETTINGS).fallback.startswith("0 labelled frames")


def test_an_element_of_few_frames_is_judged_by_all_and_named():
    given = draw(12, rng())
    rare = given.numbers == 15
    found = fit_calibration(replace(given, numbers=np.where(rare & (given.frames > 2), 16, given.numbers)), SETTINGS)
    assert found.fallback == "too few labelled frames have P (3): errors of all elements stand for theirs"
    assert "P" not in found.quantiles
    assert found.bound(atoms(0.1, number=15), 0.9) == pytest.approx(found.bound(atoms(0.1, number=8), 0.9))


def test_json_keeps_what_a_calibration_says():
    source = rng(1)
    found = fit_calibration(draw(12, source), SETTINGS, fit_calibration(draw(12, source), SETTINGS))
    back = Calibration.from_dict(json.loads(json.dumps(found.as_dict())))
    new = draw(5, source)
    np.testing.assert_allclose(back.bound(new, 0.9), found.bound(new, 0.9), rtol=1e-4)
    np.testing.assert_allclose(back.probability_above(new, 0.2), found.probability_above(new, 0.2), atol=1e-3)
    assert back.frame_bound(np.ones(1), 0.9) == found.frame_bound(np.ones(1), 0.9)
    assert (back.reliability, back.factor) == (found.reliability, found.factor)
    with pytest.raises(InputError, match="version of the calibration is 7; expected 1"):
        Calibration.from_dict({**found.as_dict(), "version": 7})


def test_the_calibration_before_is_judged_by_the_newest_labels_alone():
    source = rng(2)
    before = fit_calibration(draw(60, source), SETTINGS)
    newest = draw(20, source)
    doubled = replace(newest, errors_eV_A=100 * newest.errors_eV_A)
    found = fit_calibration(draw(60, source).pooled(doubled, 3), SETTINGS, before)
    assert [one["nominal"] for one in found.reliability] == [0.5, 0.8, 0.9, 0.95]
    assert all(one["observed"] < 0.05 and one["n_frames"] == 20 for one in found.reliability)
    assert fit_calibration(newest, SETTINGS).reliability == []


def test_too_few_labels_judge_the_calibration_before_by_the_newest_round_alone_too():
    source = rng(3)
    before = fit_calibration(draw(20, source), SETTINGS)
    newest = draw(1, source)
    found = fit_calibration(draw(3, source).pooled(newest, 3), SETTINGS, before)
    assert found.fallback.startswith("4 labelled frames")
    assert [one["n_frames"] for one in found.reliability] == [1] * 4


def test_one_frame_calibrates_nothing():
    with pytest.raises(InputError, match="least_frames is 1; expected a whole number, 2 or more"):
        CalibrationSettings(least_frames=1)
    two = fit_calibration(draw(2, rng()), CalibrationSettings(least_frames=2))
    assert np.isfinite(two.frame_bound(np.ones(1), 0.9)).all()


def test_coverage_is_the_mean_over_frames_with_its_error():
    given = Observations(
        np.array([3, 3, 3, 16]), np.full(4, 0.1), np.ones(4), np.array([0, 0, 0, 1]), np.zeros(4), np.ones(4, int)
    )
    given = replace(given, errors_eV_A=np.array([0.1, 0.1, 9.0, 0.1]))
    half = judge_calibration(uncalibrated(SETTINGS, "nothing"), given)[2]
    assert half["nominal"] == 0.9
    assert half["observed"] == pytest.approx((2 / 3 + 1) / 2)
    assert half["error"] == pytest.approx(np.std([2 / 3, 1], ddof=1) / np.sqrt(2))
    assert half["frames"] == 0.5
    assert half["elements"]["S"] == {"observed": 1.0, "error": None, "n_frames": 1}
    assert half["elements"]["Li"]["observed"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("level", [0.0, 1.0, 90])
def test_levels_lie_between_0_and_1(level):
    with pytest.raises(InputError, match="expected a number between 0 and 1"):
        uncalibrated(SETTINGS, "nothing").bound(atoms(0.1), level)
