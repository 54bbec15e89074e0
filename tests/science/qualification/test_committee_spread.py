import numpy as np
import pytest

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.committee_spread import CommitteeSpread
from tests.science.qualification.runs import evidence, report

STEPS = list(range(0, 601, 10))
GROWING = {"step": STEPS, "spread_mean_eV_A": list(np.linspace(0.05, 0.15, 61))}


class TestCommitteeSpread(QualificationContract):
    @pytest.fixture
    def mine(self):
        return CommitteeSpread()

    @pytest.fixture
    def good(self):
        return evidence()

    @pytest.fixture
    def bad(self):
        return evidence(runs={"nvt": report(history__r1__spread=GROWING)})


def test_the_value_is_the_last_third_over_the_first():
    # A line from 0.05 to 0.15: its thirds have the means 0.0667 and 0.1333 but for the ends.
    finding = CommitteeSpread().judge(evidence(runs={"nvt": report(history__r1__spread=GROWING)}))
    assert finding.value == pytest.approx(2.0, abs=0.03)


def test_a_single_member_has_no_spread_to_judge():
    alone = report()
    for label in ("r0", "r1"):
        alone["history"][label]["spread"] = {"step": [], "spread_mean_eV_A": []}
    assert CommitteeSpread().judge(evidence(runs={"nvt": alone})).passed is None


def test_members_that_are_copies_of_each_other_have_no_spread_to_judge():
    equal = {"step": STEPS, "spread_mean_eV_A": [0.0] * len(STEPS)}
    finding = CommitteeSpread().judge(
        evidence(runs={"nvt": report(history__r0__spread=equal, history__r1__spread=equal)})
    )
    assert finding.passed is None
    assert finding.reason == "no record of members that disagree"
