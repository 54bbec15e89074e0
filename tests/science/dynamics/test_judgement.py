from aiida_elyte.science.dynamics.judgement import judge_run

COLLIDED = {"kind": "COLLIDED", "message": "Li3 and S12 are 0.30 Å apart; the limit is 1.20 Å", "step": 3000}
MOLTEN = {"kind": "MOLTEN", "message": "the P framework moved 1.60 Å; the limit is 1.50 Å", "step": 10}


def run(**stops):
    return {"n_steps_done": {"r0": 5000, "r1": 5000, "r2": 3000}, "stops": stops}


def test_runs_that_end_whole_are_qualified():
    verdict = judge_run(run(), 2.0)
    assert verdict.is_qualified
    assert verdict.reasons == ("all 3 replicas ran whole",)


def test_a_stop_names_replica_step_time_and_cause():
    verdict = judge_run(run(r2=COLLIDED), 2.0)
    assert verdict.status == "collided"
    assert verdict.reasons == (
        "replica r2 stopped after 6 ps, step 3000: Li3 and S12 are 0.30 Å apart; the limit is 1.20 Å",
    )


def test_the_gravest_stop_gives_the_status_and_all_are_named():
    verdict = judge_run(run(r0=MOLTEN, r2=COLLIDED), 2.0)
    assert verdict.status == "collided"
    assert [reason.split()[1] for reason in verdict.reasons] == ["r2", "r0"]


def test_a_stop_during_the_ramp_is_said_to_come_before_production():
    assert "before production, at step -40" in judge_run(run(r1=MOLTEN | {"step": -40}), 2.0).reasons[0]


def test_a_committee_that_disagrees_is_not_qualified():
    stop = {"kind": "UNCERTAIN", "message": "members spread by 3.00 eV/Å; the limit is 1.00 eV/Å", "step": 5}
    assert judge_run(run(r0=stop), 2.0).status == "unqualified"
