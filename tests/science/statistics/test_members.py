"""The error of the models: what scatter members show beyond their statistics."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.members import mean_of_members, student_half


def test_scatter_beyond_statistics_is_that_of_the_models():
    # values 8, 10, 12: variance 4; statistics explain 1, so the models differ by √3 and their mean by √(3/3)
    found = mean_of_members([8.0, 10.0, 12.0], [1.0, 1.0, 1.0], 30.0)
    assert found.value == pytest.approx(10.0)
    assert found.statistical == pytest.approx(np.sqrt(1 / 3))
    assert found.model == pytest.approx(1.0)
    assert found.std == pytest.approx(np.sqrt(4 / 3))
    assert found.dof == pytest.approx(2.0)  # all of it is known from three values


def test_scatter_that_statistics_explain_leaves_no_model_error():
    found = mean_of_members([9.5, 10.5], [1.0, 1.0], 30.0)
    assert (found.model, found.dof) == (0.0, 30.0)
    assert found.statistical == pytest.approx(np.sqrt(1 / 2))


def test_members_that_agree_are_weighted_by_their_statistics():
    found = mean_of_members([10.0, 13.0], [1.0, 9.0], 30.0)  # variance 4.5, explained 5
    assert found.value == pytest.approx((10.0 + 13.0 / 9) / (1 + 1 / 9))


def test_models_err_by_their_scatter_times_the_calibration_of_the_forces():
    plain = mean_of_members([8.0, 10.0, 12.0], [1.0] * 3, 30.0)
    calibrated = mean_of_members([8.0, 10.0, 12.0], [1.0] * 3, 30.0, 2.0)
    assert calibrated.model == pytest.approx(2 * np.sqrt(3))  # the models scatter by √3
    assert calibrated.statistical == plain.statistical
    # no calibration makes the mean of three better than if they erred independently
    assert mean_of_members([8.0, 10.0, 12.0], [1.0] * 3, 30.0, 0.1).model == pytest.approx(plain.model)


def test_intervals_hold_a_truth_that_all_members_miss_together():
    """Members scatter by 1 about a mean that is off by 2, as their forces are: error over spread is about 2.1."""
    rng, held = np.random.default_rng(1), []
    for _ in range(1500):
        values = rng.normal(0.0, 2.0) + rng.normal(0.0, np.sqrt(1.0 + 0.1), 4)
        found = mean_of_members(values, np.full(4, 0.1), 200.0, np.sqrt(4.0 + 0.25))
        held.append(abs(found.value) <= student_half(found.std, found.dof))
    assert 0.90 <= np.mean(held) <= 0.985


def test_one_member_has_no_scatter():
    with pytest.raises(InputError, match="1 member has no scatter"):
        mean_of_members([1.0], [1.0], 30.0)


@pytest.mark.parametrize("n_members", [3, 4, 6])
@pytest.mark.parametrize("scatter", [0.0, 1.0, 3.0])
def test_intervals_hold_the_truth(n_members, scatter):
    """Scatter of the models in units of the members' own error, which is known from many samples."""
    rng, held = np.random.default_rng(n_members), []
    for _ in range(1500):
        values = rng.normal(0.0, np.sqrt(1 + scatter**2), n_members)
        found = mean_of_members(values, np.ones(n_members), 50.0 * n_members)
        held.append(abs(found.value) <= student_half(found.std, found.dof))
    assert 0.90 <= np.mean(held) <= 0.985
