import numpy as np
import pytest
from scipy import stats

from aiida_elyte.science.structure.pooling import pool_shells
from aiida_elyte.science.transport.results import Estimate, Refusal, mean_of_systems


def estimate(value, std, n=20.0):
    return Estimate(value, std, (value - 2 * std, value + 2 * std), "1", n, "blocks")


def test_scatter_between_systems_is_the_error_where_it_is_larger():
    # Mean of 4, 5, 6 is 5; standard deviation 1, error 1/√3; Student's t for two degrees of freedom
    found = mean_of_systems([estimate(value, 0.01) for value in (4.0, 5.0, 6.0)])
    assert found.value == 5.0
    assert found.std == pytest.approx(1 / np.sqrt(3))
    assert found.n_effective == 3
    assert found.ci95[1] - 5 == pytest.approx(stats.t.ppf(0.975, 2) / np.sqrt(3))


def test_own_errors_are_the_error_where_they_are_larger():
    found = mean_of_systems([estimate(5.0, 0.3), estimate(5.0, 0.4)])
    assert found.std == pytest.approx(0.25)  # √(0.3² + 0.4²) / 2
    assert found.n_effective == 40


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        found = mean_of_systems([estimate(value, 0.2) for value in rng.normal(3.0, np.hypot(1.0, 0.2), 3)])
        hits += found.ci95[0] <= 3.0 <= found.ci95[1]
    assert 0.93 < hits / 1000 < 0.975


def test_refusals_are_left_out_and_told():
    found = mean_of_systems([estimate(2.0, 0.1), Refusal("too short"), estimate(3.0, 0.1)])
    assert found.value == 2.5
    assert "1 gave no number" in found.method
    assert mean_of_systems([Refusal("too short"), Refusal("too few")]).reason == "too short"
    assert mean_of_systems([Refusal("too short"), estimate(2.0, 0.1)]) == estimate(2.0, 0.1)


def box(number, shells, peak=2.0):
    one = estimate(number, 0.1).as_dict()
    site = {"array": "O_of_chain", "first_peak_A": peak, "first_minimum_A": 2.8, "n_departures": 3}
    return {
        "centre": "Li",
        "anion": None,
        "sites": {"O of chain": site | dict.fromkeys(("coordination", "molecules", "stay", "memory"), one)},
        "total": one,
        "shells": [{"numbers": {"O of chain": n}, "share": estimate(share, 0.01).as_dict()} for n, share in shells],
        "pairing": None,
        "notes": [],
    }


def test_boxes_are_pooled_site_by_site():
    found = pool_shells([box(4.0, [(5, 0.6), (4, 0.4)], 1.9), box(6.0, [(5, 0.8)], 2.1)])
    site = found["sites"]["O of chain"]
    assert (found["n_boxes"], site["first_peak_A"], site["coordination"]["value"]) == (2, 2.0, 5.0)
    assert found["total"]["std"] == pytest.approx(1.0)  # √2 / √2
    # Five in 0.6 and 0.8; four in 0.4 and in none
    assert [(one["numbers"], one["share"]["value"]) for one in found["shells"]] == [
        ({"O of chain": 5}, pytest.approx(0.7)),
        ({"O of chain": 4}, pytest.approx(0.2)),
    ]


def test_a_peak_that_one_box_lacks_is_that_of_the_other():
    found = pool_shells([box(4.0, [(5, 1.0)], None), box(6.0, [(5, 1.0)], 2.1)])
    assert found["sites"]["O of chain"]["first_peak_A"] == 2.1
