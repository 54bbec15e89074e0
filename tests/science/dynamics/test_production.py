import numpy as np
import pytest

from aiida_elyte.science.dynamics.production import analyse_production, fit_production, judge_potentials
from aiida_elyte.science.transport.estimates import estimate_transport
from aiida_elyte.science.transport.synthetic import brownian
from aiida_elyte.science.verdict import quantities_of
from aiida_elyte.units import BOLTZMANN_EV_K

PASSED = {"verdict": "qualified", "reasons": ["9 tests passed"], "conditions": {"temperature_K": 1000.0}}
FAILED = {"verdict": "unqualified", "reasons": ["drift is 5 meV/atom/ps"], "conditions": {"temperature_K": 1000.0}}
MOLTEN = {"kind": "MOLTEN", "message": "the P framework moved 1.60 Å; the limit is 1.50 Å", "step": 10}
WHAT = {"charges": {"Li": 1.0}, "temperature_K": 800.0}


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(3)
    return [brownian(rng, 400, 20, 1e-4, 10.0, replica=f"r{index}") for index in range(3)]


def run(**stops):
    return {"n_steps_done": dict.fromkeys(("r0", "r1", "r2"), 2000), "stops": stops}


def test_qualified_potentials_and_whole_runs_give_the_numbers(series):
    found = analyse_production(series, run(), PASSED, **WHAT)
    assert found["verdict"] == "qualified"
    plain = {name: one.as_dict() for name, one in estimate_transport(series, {"Li": 1.0}, 800.0).items()}
    assert quantities_of(found) == plain


@pytest.mark.parametrize(
    ("qualification", "said"),
    [(None, "unqualified: the potentials were not qualified"), (FAILED, "unqualified: drift is 5 meV/atom/ps")],
)
def test_potentials_that_did_not_pass_give_no_number(series, qualification, said):
    found = analyse_production(series, run(), qualification, **WHAT)
    assert found["verdict"] == "unqualified"
    for quantity in quantities_of(found).values():
        assert quantity["refused"].startswith(said)
        assert quantity["upper_bound"] is None


def test_unqualified_numbers_come_with_their_verdict_where_they_are_allowed(series):
    found = analyse_production(series, run(), FAILED, **WHAT, allow_unqualified=True)
    assert found["verdict"] == "unqualified"
    assert found["conductivity"]["value"] > 0


def test_one_molten_replica_takes_the_number_of_all(series):
    found = analyse_production(series, run(r1=MOLTEN), PASSED, **WHAT)
    assert found["verdict"] == "molten"
    assert found["conductivity"]["refused"].startswith("molten: replica r1 stopped")


def test_allowed_numbers_are_those_of_the_replicas_that_ran_whole(series):
    found = analyse_production(series, run(r1=MOLTEN), PASSED, **WHAT, allow_unqualified=True)
    whole = estimate_transport([series[0], series[2]], {"Li": 1.0}, 800.0)
    assert found["conductivity"]["value"] == pytest.approx(whole["conductivity"].value)
    assert "2 of 3 replicas, which ran whole: a biased sample" in found["reasons"][-1]


def test_nothing_is_stated_where_no_replica_ran_whole(series):
    found = analyse_production(series, run(r0=MOLTEN, r1=MOLTEN, r2=MOLTEN), PASSED, **WHAT, allow_unqualified=True)
    assert found["verdict"] == "molten"
    assert len(found["reasons"]) == 3
    assert "no replica ran to its end" in found["conductivity"]["refused"]


def test_a_temperature_above_the_tested_one_is_extrapolated():
    assert judge_potentials(PASSED, 1000.0).is_qualified
    verdict = judge_potentials(PASSED, 1001.0)
    assert verdict.status == "extrapolated"
    assert "1001 K is above 1000 K" in verdict.reasons[0]
    assert judge_potentials(FAILED, 1001.0).status == "unqualified"


def test_a_run_above_its_target_is_not_converged_and_goes_on(series):
    length = {"target_relative_error": 1e-3, "max_steps": 10_000}
    found = analyse_production(series, run(), PASSED, **WHAT, length=length)
    assert found["verdict"] == "not converged"
    assert found["conductivity"]["value"] > 0
    assert (found["conditions"]["n_steps"], found["conditions"]["next_n_steps"]) == (2000, 4000)
    assert found["reasons"] == [found["conditions"]["decision"]]
    spent = analyse_production(series, run(), PASSED, **WHAT, length=length | {"max_steps": 2000})
    assert spent["conditions"]["next_n_steps"] is None
    assert "budget of 2000 steps is spent" in spent["reasons"][0]


def test_a_run_that_no_length_would_qualify_does_not_go_on(series):
    length = {"target_relative_error": 1e-3, "max_steps": 10_000}
    found = analyse_production(series, run(r1=MOLTEN), PASSED, **WHAT, allow_unqualified=True, length=length)
    assert found["verdict"] == "molten"
    assert found["conditions"]["next_n_steps"] is None


def test_the_calibration_of_the_forces_inflates_the_error_of_the_models():
    rng = np.random.default_rng(8)
    members = [
        brownian(rng, 400, 20, 1e-4 * factor, 10.0, replica=f"r{index}", member=f"m{index}")
        for index, factor in enumerate((0.6, 1.0, 1.4))
    ]
    plain = analyse_production(members, run(), PASSED, **WHAT)["conductivity"]["errors"]
    found = analyse_production(members, run(), PASSED | {"calibration_factor": 3.0}, **WHAT)["conductivity"]["errors"]
    assert plain["calibration_factor"] is None
    assert found["model"] == pytest.approx(3 * np.sqrt(3) * plain["model"], rel=1e-2)
    least = analyse_production(members, run(), PASSED | {"calibration_factor": 0.5}, **WHAT)["conductivity"]["errors"]
    assert least["model"] == plain["model"]


def result(temperature_K, status="qualified", relative=0.1):
    value = 5e6 / temperature_K * np.exp(-0.25 / (BOLTZMANN_EV_K * temperature_K))
    estimate = {
        "value": value,
        "std": relative * value,
        "ci95": [0.8 * value, 1.2 * value],
        "unit": "mS/cm",
        "n_effective": 20.0,
        "method": "synthetic",
        "window": None,
    }
    conditions = {"temperature_K": temperature_K}
    return {"conductivity": estimate, "conditions": conditions, "verdict": status, "reasons": ["why"]}


def test_qualified_points_give_a_qualified_law():
    law = fit_production([result(kelvin) for kelvin in (900.0, 600.0, 700.0)])
    assert law["verdict"] == "qualified"
    assert law["activation_energy"]["value"] == pytest.approx(0.25)


def test_a_molten_temperature_is_left_out_of_the_law():
    law = fit_production([*(result(kelvin) for kelvin in (600.0, 700.0, 800.0)), result(1300.0, "molten", 0.001)])
    assert law["verdict"] == "qualified"
    assert law["reasons"][0] == "3 of 4 temperatures are usable (1300 K is molten); the others are left out"
    assert "600–800 K" in law["activation_energy"]["method"]


def test_too_few_qualified_temperatures_give_no_law():
    law = fit_production([result(600.0), result(700.0, "molten"), result(800.0, "extrapolated")])
    assert law["verdict"] == "molten"
    said = "1 of 3 temperatures is usable (700 K is molten, 800 K is extrapolated); expected at least 3"
    assert law["reasons"] == [said]
    assert law["conductivity_300K"]["refused"] == f"molten: {said}"


def test_allowed_points_give_a_law_with_the_gravest_of_their_verdicts():
    points = [result(600.0), result(700.0, "molten"), result(800.0, "unqualified")]
    law = fit_production(points, allow_unqualified=True)
    assert law["verdict"] == "molten"
    assert law["reasons"] == ["700 K: why", "800 K: why"]
    assert law["activation_energy"]["value"] == pytest.approx(0.25)


def test_points_that_are_not_converged_enter_with_their_errors_and_mark_the_law():
    law = fit_production([result(600.0, "not converged", 0.5), result(700.0), result(800.0)])
    assert law["verdict"] == "not converged"
    assert law["reasons"] == ["600 K: why"]
    assert law["activation_energy"]["value"] == pytest.approx(0.25)
