"""Runs go on until the error of the conductivity is below its target, or the budget is spent."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.extension import LengthSettings, decide_length, read_length
from aiida_elyte.science.statistics.estimate import ErrorTerms, Estimate, Refusal

LENGTH = LengthSettings(target_relative_error=0.1, max_steps=100_000)


def sigma(statistical, model=None):
    errors = ErrorTerms(10 * statistical, None if model is None else 10 * model)
    return Estimate(10.0, 10 * np.hypot(statistical, model or 0), (5.0, 20.0), "mS/cm", 30.0, "made up", errors=errors)


def test_a_number_within_its_target_ends_the_runs():
    decision = decide_length(1000, sigma(0.06, 0.08), LENGTH)
    assert decision.n_steps is None
    assert decision.is_converged
    assert "within the target of 0.1" in decision.reason


def test_runs_go_on_as_long_as_the_root_of_time_asks():
    # 0.12 to 0.1: 1.44 times as long
    assert decide_length(1000, sigma(0.12), LENGTH).n_steps == 1440
    # of 0.1, 0.08 are the potentials': 0.06 are left for the statistics, and 0.072 are 1.44 times as many
    assert decide_length(1000, sigma(0.072, 0.08), LENGTH).n_steps == 1440


def test_runs_are_doubled_at_most_and_go_on_for_a_quarter_at_least():
    assert decide_length(1000, sigma(0.5), LENGTH).n_steps == 2000
    assert decide_length(1000, sigma(0.101), LENGTH).n_steps == 1250
    assert decide_length(1000, Refusal("no diffusion yet"), LENGTH).n_steps == 2000


def test_the_budget_bounds_the_last_extension_and_ends_the_runs():
    assert decide_length(80_000, sigma(0.5), LENGTH).n_steps == 100_000
    decision = decide_length(100_000, sigma(0.5), LENGTH)
    assert decision.n_steps is None
    assert not decision.is_converged
    assert "the budget of 100000 steps is spent; raise max_steps" in decision.reason


def test_longer_runs_are_not_asked_to_lower_the_error_of_the_potentials():
    decision = decide_length(1000, sigma(0.05, 0.2), LENGTH)
    assert decision.n_steps is None
    assert not decision.is_converged
    assert "0.2 of it due to the potentials" in decision.reason


def test_without_a_target_runs_are_as_long_as_they_were_asked_to_be():
    decision = decide_length(1000, Refusal("no diffusion yet"), LengthSettings())
    assert decision.n_steps is None
    assert decision.is_converged


def test_extensions_reach_the_target_they_were_sized_for():
    """The error of a run of any length is that of its samples: 0.4 at 1000 steps, 0.1 at 16 000."""
    n_steps, lengths = 1000, []
    while (decision := decide_length(n_steps, sigma(0.4 * np.sqrt(1000 / n_steps)), LENGTH)).n_steps is not None:
        n_steps = decision.n_steps
        lengths.append(n_steps)
    assert decision.is_converged
    assert lengths == [2000, 4000, 8000, 16000]


def test_a_budget_below_the_first_run_is_rejected():
    with pytest.raises(InputError, match="max_steps is 500; expected at least n_steps, 1000"):
        read_length({"target_relative_error": 0.1, "max_steps": 500}).check(1000)
    read_length({"target_relative_error": None, "max_steps": 500}).check(1000)
    with pytest.raises(InputError, match="target_relative_error is -1"):
        read_length({"target_relative_error": -1})
