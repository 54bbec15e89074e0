from dataclasses import replace

import pytest

from aiida_elyte.science.cost import (
    Plan,
    Rates,
    estimate_cost,
)

PLAN = Plan(
    n_atoms=50,
    n_atoms_production=400,
    n_seeds=40,
    label_budget=20,
    n_rounds=2,
    n_members=2,
    n_known=0,
    epochs_first=60,
    epochs_again=40,
    rates=Rates(seconds_per_atom_step=1 / 4500, seconds_per_training_atom=0.023 / 50, bytes_per_member=4e5),
    sampling_steps=3000,
    production_steps=60000,
    trajectory_frames=600,
    label_s=2.7,
    cores=2,
)


def test_counts_are_exact():
    cost = estimate_cost(PLAN)
    assert cost.labels == 40 + 20
    assert cost.md_steps == 2 * 3000 + 60000
    assert cost.labelling_s == pytest.approx(60 * 2.7 / 2)


def test_dynamics_by_hand():
    # 2 rounds of 3000 steps of 50 atoms, 60000 of 400 atoms over two cores, at 4500 atom-steps/s; three starts of 10 s
    expected = 2 * 3000 * 50 / 4500 + 60000 * 400 / 4500 / 2 + 30
    assert estimate_cost(PLAN).dynamics_s == pytest.approx(expected)


def test_a_qualification_may_follow_each_round_and_is_run_once_without_rounds():
    tested = replace(PLAN, qualification_steps=500, n_atoms_qualification=100)
    more = estimate_cost(tested), estimate_cost(PLAN)
    assert more[0].md_steps - more[1].md_steps == 2 * 500
    # 500 steps of 100 atoms over two cores, at 4500 atom-steps/s, and a start of 10 s; twice
    assert more[0].dynamics_s - more[1].dynamics_s == pytest.approx(2 * (500 * 100 / 4500 / 2 + 10))
    ready = {"n_seeds": 0, "label_budget": 0, "n_rounds": 0}
    assert estimate_cost(replace(tested, **ready)).md_steps - estimate_cost(replace(PLAN, **ready)).md_steps == 500


def test_given_data_and_potentials_cost_no_label_and_no_first_training():
    given = replace(PLAN, n_seeds=0, label_budget=0, n_rounds=0, epochs_first=0, n_known=100)
    cost = estimate_cost(given)
    assert (cost.labels, cost.labelling_s, cost.training_s) == (0, 0.0, 0.0)


def test_an_unknown_engine_has_no_time():
    assert estimate_cost(replace(PLAN, label_s=None)).labelling_s is None


def test_a_model_of_unknown_rates_has_no_time_and_its_frames_have_a_size():
    cost = estimate_cost(replace(PLAN, rates=None))
    assert (cost.training_s, cost.dynamics_s) == (None, None)
    assert cost.seconds == cost.labelling_s
    # three trainings of two members leave their weights
    assert estimate_cost(PLAN).disk_bytes - cost.disk_bytes == pytest.approx(3 * 2 * 4e5)
