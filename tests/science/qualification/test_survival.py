import pytest

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.survival import Survival
from tests.science.qualification.runs import evidence, report

STOPPED = {"kind": "COLLIDED", "message": "Li3 and S12 are 0.30 Å apart; the limit is 1.20 Å", "step": 600}


class TestSurvival(QualificationContract):
    @pytest.fixture
    def mine(self):
        return Survival()

    @pytest.fixture
    def good(self):
        return evidence()

    @pytest.fixture
    def bad(self):
        return evidence(runs={"nvt": report(stops__r1=STOPPED)})


def test_the_value_is_the_share_of_all_replicas_and_the_reason_that_of_the_stop():
    finding = Survival().judge(evidence(runs={"nvt": report(stops__r1=STOPPED), "nve": report()}))
    assert finding.value == 0.25
    assert finding.reason == f"1 of 4 replicas stopped; r1 of nvt: {STOPPED['message']}"
    assert list(finding.offending.values()) == [STOPPED["message"]]
