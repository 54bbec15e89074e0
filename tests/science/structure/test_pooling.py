import numpy as np
import pytest
from scipy import stats

from aiida_elyte.science.statistics.estimate import Estimate, Refusal, mean_of_systems
from aiida_elyte.science.structure.pooling import pool_shells


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


REFUSED = Refusal("no first minimum").as_dict()


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


def test_a_site_that_one_box_has_not_found_does_not_halve_the_shares():
    first, second = box(4.0, []), box(6.0, [])
    share = {number: estimate(number, 0.03).as_dict() for number in (0.9, 0.1, 0.6, 0.3)}
    first["shells"] = [{"numbers": {"O": 4}, "share": share[0.9]}, {"numbers": {"O": 5}, "share": share[0.1]}]
    second["shells"] = [
        {"numbers": {"Cl": 0, "O": 4}, "share": share[0.6]},
        {"numbers": {"Cl": 1, "O": 4}, "share": share[0.3]},
        {"numbers": {"Cl": 0, "O": 5}, "share": share[0.1]},
    ]
    for boxes in ((first, second), (second, first)):
        four, five = pool_shells([*boxes, box(5.0, [])])["shells"]
        assert (four["numbers"], five["numbers"]) == ({"O": 4}, {"O": 5})
        assert (four["share"]["value"], five["share"]["value"]) == (pytest.approx(0.9), pytest.approx(0.1))
        # 0.6 + 0.3 has √2 × 0.03; the mean of it and 0.9 ± 0.03 has √3 × 0.03 / 2
        assert four["share"]["std"] == pytest.approx(0.03 * np.sqrt(3) / 2)


def test_the_total_is_of_boxes_that_found_every_site():
    first, second = box(6.0, []), box(4.0, [])
    lacks = {"first_minimum_A": None} | dict.fromkeys(("coordination", "molecules", "stay", "memory"), REFUSED)
    first["sites"]["F"] = {**first["sites"]["O of chain"]}
    second["sites"]["F"] = {**second["sites"]["O of chain"], **lacks}
    found = pool_shells([first, second])
    assert found["total"] == first["total"]
    assert pool_shells([second, second])["total"]["value"] == pytest.approx(4.0)


def test_intervals_of_shares_are_shares():
    boxes = [box(4.0, [(5, value)]) for value in (0.2, 0.9)]
    for one, value in zip(boxes, (0.1, 0.8), strict=True):
        one["pairing"] = {"free": estimate(value, 0.01).as_dict()}
    found = pool_shells(boxes)
    # Student's t for one degree of freedom is 12.7: 0.55 ± 12.7 × 0.35
    assert found["shells"][0]["share"]["ci95"] == [0.0, 1.0]
    assert found["pairing"]["free"]["ci95"] == [0.0, 1.0]
    assert found["pairing"]["free"]["value"] == pytest.approx(0.45)
