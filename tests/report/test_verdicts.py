"""What may be used, why the rest may not, and what to do: pure functions of what was collected."""

from aiida_elyte.report.verdicts import describe_tests, is_refused_by, list_issues, state_verdicts, verdicts_of
from aiida_elyte.science.verdict import STATUSES, Verdict
from tests.report import synthetic_streets

ESTIMATE = {"value": 1.0, "std": 0.1, "ci95": [0.8, 1.2], "unit": "mS/cm", "n_effective": 9.0, "method": "m"}


def _data(*results, arrhenius=None, qualification=None, learning=None):
    runs = [{"settings": {"temperature_K": kelvin}, "transport": one} for kelvin, one in results]
    return {"runs": runs, "arrhenius": arrhenius, "qualification": qualification, "learning": learning}


def _state(data):
    return state_verdicts((where, verdict) for where, verdict, _ in verdicts_of(data))


def _result(verdict, *reasons, **quantities):
    return {**quantities, "verdict": verdict, "reasons": list(reasons)}


def test_words_are_told_once_with_their_places_and_reasons():
    data = _data(
        (600.0, _result("molten", "melts", "collapses")),
        (500.0, _result("molten", "melts")),
        (400.0, _result("qualified", "3 tests")),
        (300.0, None),
    )
    good, bad = _state(data)
    assert (good["word"], good["where"], good["kind"]) == ("qualified", "at 400 K", "good")
    assert (bad["word"], bad["where"], bad["kind"]) == ("molten", "at 600 K, 500 K", "bad")
    assert bad["reasons"] == ["melts", "600 K: collapses"]


def test_every_verdict_but_the_good_one_has_a_remedy():
    for status in STATUSES:
        issues = list_issues(_data((600.0, _result(status, "some reason"))))
        assert [issue["what"] for issue in issues] == ([] if status == "qualified" else ["some reason"])
        assert all(issue["remedy"] for issue in issues)


def test_an_issue_of_several_places_stands_once():
    result = _result("unqualified", "never tested")
    qualification = {"verdict": "unqualified", "reasons": ["never tested"], "tests": {}}
    (issue,) = list_issues(_data((600.0, result), (700.0, result), arrhenius=result, qualification=qualification))
    assert issue["where"] == "600 K, 700 K, Arrhenius fit, qualification"


def test_an_error_of_the_model_that_is_not_known_is_an_issue():
    for model, count in ((None, 1), (0.3, 0)):
        errors = {"statistical": 0.2, "model": model, "configurational": None}
        data = _data((600.0, _result("qualified", conductivity={**ESTIMATE, "errors": errors})))
        assert len(list_issues(data)) == count
    assert list_issues(_data((600.0, _result("qualified", conductivity=ESTIMATE)))) == []


def test_learning_that_did_not_converge_says_what_to_change():
    ending = {"criterion": "rounds", "is_converged": False, "advice": ["raise max_rounds above 3", "sample longer"]}
    (issue,) = list_issues(_data(learning={"reason": "all 3 rounds are spent", "ending": ending}))
    assert issue["where"] == "learning"
    assert issue["what"].endswith("by “rounds”: all 3 rounds are spent")
    assert issue["remedy"] == "Raise max_rounds above 3. Sample longer."
    for other in (None, {**ending, "is_converged": True}):
        assert list_issues(_data(learning={"reason": "it failed", "ending": other})) == []


def test_a_result_of_before_is_unqualified():
    (one,) = _state(_data((600.0, {"conductivity": ESTIMATE})))
    assert (one["word"], one["reasons"]) == ("unqualified", ["made before potentials were qualified"])


def test_only_a_refusal_that_names_the_verdict_is_of_the_verdict():
    verdict = Verdict("molten", ("melts",))
    assert is_refused_by(verdict, {"refused": "molten: melts"})
    assert not is_refused_by(verdict, {"refused": "is not diffusive"})
    assert not is_refused_by(verdict, {"value": 1.0})
    assert not is_refused_by(Verdict("qualified"), {"refused": "qualified"})


def test_tests_have_value_threshold_and_word():
    rows = {row["name"]: row for row in describe_tests(synthetic_streets.marked_street()["qualification"])}
    assert (rows["shortest distance"]["value"], rows["shortest distance"]["threshold"]) == ("0.130", "1.00")
    assert rows["shortest distance"]["word"] == "failed"
    assert rows["energy drift"]["value"].endswith("eV/atom/ns")
    assert (rows["density"]["word"], rows["density"]["said"]) == ("not tested", "no reference is given")
    assert describe_tests(None) == []
