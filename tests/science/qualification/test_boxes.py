"""Boxes that settled and stayed whole, with force fields that know what they meet, are qualified; others say why."""

import math

import pytest

from aiida_elyte.science.molecules.bond_lengths import LONGEST
from aiida_elyte.science.qualification.boxes import judge_box, judge_force_fields, judge_street
from aiida_elyte.units import EV_KCAL_MOL

MEANS = {"density_g_cm3": {"value": 1.2, "std": 0.01, "drift": 0.02, "drift_std": 0.01, "n_effective": 40.0}}
SETTLED = {"refused": None, "begins_ps": 20.0, "means": MEANS}
DRIFTS = {**SETTLED, "refused": "density_g_cm3 drifts by 0.1 ± 0.01; expected none; run longer"}
WHOLE = {"n_bonds": 9, "stretch": 1.15, "length_A": 1.64, "bond": "C1–O2", "frame": 7}
TORN = {**WHOLE, "stretch": 2.0, "length_A": 2.84}
ERRORS = {
    "m00": {"train_rmse_kcal_mol_A": 3.0, "validation_rmse_kcal_mol_A": 3.6},
    "m01": {"train_rmse_kcal_mol_A": 3.0, "validation_rmse_kcal_mol_A": 4.2},
}


def _round(spreads, n_refused=0):
    return {"n_sampled": len(spreads) + n_refused, "n_refused": n_refused, "spreads_eV_A": spreads}


def test_a_settled_whole_box_is_qualified_and_says_what_it_rests_on():
    found = judge_box(SETTLED, WHOLE)
    assert found["verdict"] == "qualified"
    assert found["reasons"] == [
        "equilibrium: settled after 20 ps",
        "bonds: the longest bond of production, C1–O2, is 1.64 Å in frame 7",
    ]
    assert found["tests"]["equilibrium"]["value"] == pytest.approx(2.0)
    assert all(test["source"] for test in found["tests"].values())


@pytest.mark.parametrize(
    ("equilibrium", "bonds", "verdict"),
    [
        (DRIFTS, WHOLE, "not settled"),
        (SETTLED, TORN, "torn"),
        (DRIFTS, TORN, "torn"),
        (SETTLED, None, "unqualified"),
        (None, WHOLE, "unqualified"),
    ],
)
def test_a_box_that_is_not_says_which_test_failed_or_was_missed(equilibrium, bonds, verdict):
    found = judge_box(equilibrium, bonds)
    assert found["verdict"] == verdict
    failed = [name for name, test in found["tests"].items() if not test["passed"]]
    assert len(found["reasons"]) == len(failed) > 0


def test_a_bond_is_torn_from_where_clusters_say_so_on():
    for stretch, verdict in ((LONGEST - 0.01, "qualified"), (LONGEST + 0.01, "torn")):
        assert judge_box(SETTLED, {**WHOLE, "stretch": stretch})["verdict"] == verdict


def test_ions_without_bonds_cannot_tear():
    none = dict.fromkeys(("stretch", "length_A", "bond", "frame")) | {"n_bonds": 0}
    assert judge_box(SETTLED, none)["verdict"] == "qualified"


def test_force_fields_given_need_their_error_on_clusters_held_out_and_no_rounds():
    found = judge_force_fields(ERRORS, 360.0)
    assert found["verdict"] == "qualified"
    assert found["tests"]["held_out_error"]["value"] == pytest.approx(1.4)  # of the worse member, 4.2 / 3
    assert found["tests"]["committee_spread"]["passed"] is None
    assert "committee spread not tested: no round of learning has sampled" in found["reasons"]


@pytest.mark.parametrize("lacking", [{}, {"train_rmse_kcal_mol_A": 3.0, "validation_rmse_kcal_mol_A": None}])
def test_one_member_without_a_held_out_error_leaves_all_unqualified(lacking):
    found = judge_force_fields({**ERRORS, "m02": lacking}, 360.0)
    assert found["verdict"] == "unqualified"
    assert found["reasons"] == [
        "held out error not tested: the force fields do not say what their error is on clusters held out"
    ]


def test_an_error_twice_as_large_on_clusters_held_out_is_extrapolation():
    worse = {"m00": {"train_rmse_kcal_mol_A": 3.0, "validation_rmse_kcal_mol_A": 6.5}}
    assert judge_force_fields(worse, 360.0)["verdict"] == "extrapolated"


def test_members_that_disagree_by_more_than_their_common_error_extrapolate():
    limit = math.sqrt(3) * 3.9 / EV_KCAL_MOL  # mean of 3.6 and 4.2 for a component, √3 for the vector
    below, above = 0.99 * limit, 1.01 * limit
    for spreads, n_refused, verdict in (
        ([below] * 95 + [above] * 5, 0, "qualified"),
        ([below] * 94 + [above] * 6, 0, "extrapolated"),
        ([below] * 94, 6, "extrapolated"),
    ):
        rounds = [_round([above] * 10), _round(spreads, n_refused)]  # the last round counts
        assert judge_force_fields(ERRORS, 360.0, 400.0, rounds)["verdict"] == verdict


def test_boxes_hotter_than_what_was_sampled_extrapolate():
    rounds = [_round([0.01] * 20)]
    assert judge_force_fields(ERRORS, 400.0, 400.0, rounds)["verdict"] == "qualified"
    found = judge_force_fields(ERRORS, 420.0, 400.0, rounds)
    assert (found["verdict"], found["reasons"]) == (
        "extrapolated",
        ["sampled temperature: boxes at 420 K, learning sampled at 400 K"],
    )


def test_one_member_alone_has_no_spread_to_test():
    found = judge_force_fields({"m00": ERRORS["m00"]}, 360.0, 400.0, [_round([None] * 5)])
    assert found["tests"]["committee_spread"]["passed"] is None


def test_the_gravest_box_speaks_for_the_pool():
    force_fields = judge_force_fields(ERRORS, 360.0)
    whole = judge_street(force_fields, {"m00_b00": judge_box(SETTLED, WHOLE)})
    assert whole["verdict"] == "qualified"
    boxes = {"m00_b00": judge_box(SETTLED, WHOLE), "m01_b01": judge_box(DRIFTS, WHOLE)}
    found = judge_street(force_fields, boxes)
    assert found["verdict"] == "not settled"
    assert found["reasons"] == [f"box m01_b01: equilibrium: {DRIFTS['refused']}"]
    assert set(found["tests"]) == {
        *("held_out_error", "committee_spread", "sampled_temperature"),
        *(f"{box} {test}" for box in boxes for test in ("equilibrium", "bonds")),
    }
