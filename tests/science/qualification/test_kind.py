import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding
from aiida_elyte.science.qualification.kind import Qualification, judge
from aiida_elyte.science.qualification.survival import Survival
from tests.science.qualification.runs import evidence


class Judging(Qualification):
    """Gives what it is told to, or raises it."""

    def __init__(self, answer):
        self.answer = answer

    def judge(self, evidence):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def finding(value=1.0):
    return Finding(value, "1", 2.0, "the settings of this test", True, {})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (KeyError("step"), "qualification 'mine' failed: KeyError: 'step'; correct the plug-in"),
        (InputError("no frame has a step"), "no frame has a step"),
        (None, "qualification 'mine' gave None; expected a Finding"),
        (finding(float("nan")), "qualification 'mine' failed: ValueError: "),
        (finding(object()), "qualification 'mine' failed: TypeError: "),
    ],
)
def test_the_finding_of_a_test_that_fails_is_not_known_and_says_why(answer, said):
    found = judge("mine", Judging(answer), Evidence([], []))
    assert found["failed"].startswith(said)
    assert found == {"value": None, "passed": None, "failed": found["failed"]}


def test_the_finding_of_a_test_that_works_is_recorded_as_it_is():
    assert judge("mine", Survival(), evidence()) == Survival().judge(evidence()).as_dict()
    assert judge("mine", Judging(finding(np.float32(0.5))), evidence()) == finding(0.5).as_dict()
