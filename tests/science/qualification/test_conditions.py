import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.settings import read_md_settings
from aiida_elyte.science.qualification.conditions import ENSEMBLES, read_conditions
from aiida_elyte.science.qualification.offending import collect_offending, frames_of_runs
from tests.science.qualification.runs import sampled


@pytest.mark.parametrize("run", ENSEMBLES)
def test_every_run_is_one_that_the_program_takes(run):
    conditions = read_conditions({"temperature_K": 900.0, "framework": ["P"], "n_steps": 70, "nve_steps": 30})
    settings = conditions.settings_of(run, {"timestep_fs": 1.0, "stops": {"min_distance_factor": 0.4}}, ["m00", "m01"])
    md = read_md_settings(settings)
    assert (md.ensemble, md.temperature_K, md.timestep_fs) == (ENSEMBLES[run], 900.0, 1.0)
    assert (md.stops.framework, md.stops.min_distance_factor) == (("P",), 0.4)
    assert [one.member for one in md.replicas] == ["m00", "m01", "m00", "m01"]
    assert md.n_steps == {"nvt": 70, "nve": 30, "npt": 10000}[run]


def test_runs_have_seeds_of_their_own():
    conditions = read_conditions({"temperature_K": 900.0})
    seeds = [one["seed"] for run in ENSEMBLES for one in conditions.settings_of(run, {}, ["m00"])["replicas"]]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "lacks temperature_K"),
        ({"temperature_K": 900.0, "framework": ["Xy"]}, "expected chemical symbols"),
        ({"temperature_K": 900.0, "supercell": [2, 2]}, "expected three whole numbers"),
        ({"temperature_K": 900.0, "steps": 3}, "conditions has 'steps'"),
    ],
)
def test_invalid_conditions_are_rejected(content, message):
    with pytest.raises(InputError, match=message):
        read_conditions(content)


def test_frames_that_failed_are_kept_with_the_names_of_the_tests_and_not_too_many():
    frames = frames_of_runs({"nvt": sampled(30)})
    every = {"passed": False, "offending": {str(index): "hot" for index in range(60)}}
    findings = {"melt": every, "near": {"passed": False, "offending": {"4": "0.2"}}, "open": {"passed": None}}
    kept = collect_offending(frames, findings)
    assert len(kept) == 21
    named = [one.info["failed_test"] for one in kept if (one.info["replica"], one.info["step"]) == ("r0", 500)]
    assert named == ["near"]
    assert kept[0].info["failed_test"] == "melt"
    assert "failed_test" not in frames[4].info
    assert {one.info["run"] for one in kept} == {"nvt"}
