from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.judgement import judge_potential

PASSED = Finding(0.2, "1", 0.3, "a source of some kind", True, {}, "well").as_dict()
FAILED = Finding(0.02, "kT/atom/ps", 0.01, "a source of some kind", False, {3: "hot"}, "energy drifts").as_dict()
OPEN = not_judged("no labelled frame", "1", 1.0, "a source of some kind").as_dict()
BROKEN = {"value": None, "passed": None, "failed": "test 'mine' failed: KeyError"}


def test_all_that_could_be_judged_passed():
    verdict = judge_potential({"drift": PASSED, "melt": PASSED, "density": OPEN}, mandatory=["drift"])
    assert verdict.is_qualified
    assert verdict.reasons == ("2 of 3 tests passed: drift, melt", "not judged: density (no labelled frame)")


def test_one_failed_test_is_named_with_value_and_threshold():
    verdict = judge_potential({"melt": PASSED, "drift": FAILED, "density": OPEN})
    assert verdict.status == "unqualified"
    assert verdict.reasons[0] == "drift: energy drifts (value 0.02 kT/atom/ps, threshold 0.01 kT/atom/ps)"


def test_a_mandatory_test_has_to_be_judged():
    for lacking, why in ((OPEN, "no labelled frame"), (BROKEN, "test 'mine' failed: KeyError")):
        verdict = judge_potential({"melt": PASSED, "drift": lacking}, mandatory=["drift"])
        assert verdict.status == "unqualified"
        assert verdict.reasons == (f"drift could not be judged: {why}",)


def test_no_pass_is_no_qualification():
    assert judge_potential({}).reasons == ("no test was run",)
    assert judge_potential({"density": OPEN}).status == "unqualified"
