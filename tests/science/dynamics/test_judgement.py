import copy

import pytest

from aiida_elyte.science.dynamics.judgement import judge_run

KNOWN = {"Li-S": 2.1, "Li-Li": 2.4, "S-S": 3.0}


def results(**changes):
    """Two replicas of fifty atoms at 900 K; √(2/150) 900 K = 103.9 K."""
    one = {
        "stops": {},
        "n_steps_done": {"r0": 1000, "r1": 1000},
        "timestep_fs": 2.0,
        "n_atoms": {"r0": 50, "r1": 50},
        "thermostat": {"ensemble": "nvt_langevin", "friction_per_ps": 1.0},
        "temperature_K": {label: {"mean": 905.0, "n_samples": 400, "std_err": 6.0} for label in ("r0", "r1")},
        "temperature_extremes_K": {label: {"last": 880.0, "max": 1210.0, "step": 300} for label in ("r0", "r1")},
        "shortest_A": {label: {"Li-S": {"distance": 2.0, "step": 100}} for label in ("r0", "r1")},
        "framework": ["S"],
        "framework_rmsd_A": {label: {"last": 0.5, "max": 0.6, "step": 90} for label in ("r0", "r1")},
        "lindemann": {label: {"last": 0.12, "max": 0.15, "step": 90} for label in ("r0", "r1")},
        "history": {
            label: {"spread": {"step": list(range(10)), "spread_max_eV_A": [0.1] * 10}} for label in ("r0", "r1")
        },
    }
    one = copy.deepcopy(one)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = one
        for parent in parents:
            place = place[parent]
        place[last] = value
    return one


def test_a_sound_run_is_qualified_and_says_what_it_rests_on():
    verdict = judge_run(results(), 900.0, KNOWN, 0.5)
    assert verdict.status == "qualified"
    assert verdict.reasons == (
        "all 2 replicas ran whole",
        "the S framework stands: Lindemann ratio 0.15 at most",
        "distances are 0.95 of the shortest labelled or more",
    )


def test_what_could_not_be_judged_is_said():
    said = judge_run(results(lindemann={}, framework=[]), 900.0).reasons
    assert any("no framework was named" in reason for reason in said)
    assert any("no labelled frames" in reason for reason in said)
    assert any("no calibrated tolerance" in reason for reason in said)


def stop(kind, step=7):
    return {"kind": kind, "message": "its limit", "step": step}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"stops__r1": stop("EXPLODED")}, "exploded", "replica r1 stopped after 0.014 ps, at step 7: its limit"),
        ({"stops__r1": stop("COLLIDED")}, "collided", "replica r1 stopped after"),
        ({"stops__r0": stop("MOLTEN")}, "molten", "replica r0 stopped after"),
        ({"stops__r0": stop("UNCERTAIN", -7)}, "extrapolated", "stopped before production, at step -7: its limit"),
        # 900 K + 8 · 103.9 K = 1731 K
        ({"temperature_extremes_K__r0__max": 1740.0}, "exploded", "r0 reached 1740 K; the limit is 1731 K"),
        # 900 K + 90 K + 5 · 6 K = 1020 K
        ({"temperature_K__r1__mean": 1021.0}, "exploded", "r1 has a mean temperature of 1021 K where 900 K are set"),
        (
            {"shortest_A__r0__Li-Li": {"distance": 0.27, "step": 300}},
            "collided",
            "r0 brought Li-Li to 0.27 Å at step 300",
        ),
        (
            {"shortest_A__r1__Li-P": {"distance": 3.1, "step": 1}},
            "collided",
            "the shortest distance labelled is 4.00 Å",
        ),
        ({"lindemann__r1__max": 0.31}, "molten", "replica r1 lost its S framework: Lindemann ratio 0.31"),
        ({"history__r0__spread__spread_max_eV_A": [0.1] * 8 + [0.6] * 2}, "extrapolated", "r0 spent 20% of its looks"),
    ],
)
def test_one_broken_replica_condemns_the_run(changes, status, words):
    verdict = judge_run(results(**changes), 900.0, KNOWN, 0.5)
    assert verdict.status == status
    assert words in verdict.reasons[0]
    assert verdict.reasons[-1] == "1 of 2 replicas is affected; the others are a biased sample"


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature_extremes_K__r0__max": 1730.0},
        {"temperature_K__r1__mean": 1019.0},
        {"shortest_A__r0__Li-Li": {"distance": 1.93, "step": 300}},  # 0.8 · 2.4 = 1.92
        {"lindemann__r1__max": 0.29},
        {"history__r0__spread__spread_max_eV_A": [0.1] * 9 + [0.6]},
    ],
)
def test_what_is_within_its_limit_passes(changes):
    assert judge_run(results(**changes), 900.0, KNOWN, 0.5).is_qualified


def test_the_gravest_of_several_faults_names_the_verdict_and_all_are_said():
    verdict = judge_run(results(lindemann__r1__max=0.5, temperature_extremes_K__r0__max=9000.0), 900.0, KNOWN)
    assert verdict.status == "exploded"
    assert [reason.split()[1] for reason in verdict.reasons] == ["r0", "r1"]


def test_a_microcanonical_run_has_no_target_to_miss():
    free = results(temperature_K__r1__mean=700.0, thermostat={"ensemble": "nve"})
    assert judge_run(free, 900.0).is_qualified


def test_a_run_without_records_is_judged_by_its_stops_and_says_so():
    old = {"n_steps_done": {"r0": 8}, "stops": {}}
    verdict = judge_run(old, 900.0, KNOWN, 0.5)
    assert verdict.is_qualified
    assert verdict.reasons[-1] == "judged by its stops alone: it holds no record of contacts and framework"
    stopped = judge_run({**old, "stops": {"r0": stop("MOLTEN")}}, 900.0)
    assert stopped.reasons == ("replica r0 stopped at step 7: its limit",)
