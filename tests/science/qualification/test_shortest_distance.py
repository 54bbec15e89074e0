import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding
from aiida_elyte.science.qualification.kind import Qualification, judge
from aiida_elyte.science.qualification.shortest_distance import ShortestDistance


def row(*places, symbols=None):
    """Atoms on a line, not periodic."""
    return Atoms(symbols or ["Li"] + ["Cl"] * (len(places) - 1), [[x, 0, 0] for x in places])


KNOWN = [row(0, 2.0, 4.5), row(0, 2.2, 4.4)]
"""Shortest distances: Li-Cl 2.0, Cl-Cl 2.2; Li-Li is in none."""


class TestShortestDistance(QualificationContract):
    @pytest.fixture
    def mine(self):
        return ShortestDistance()

    @pytest.fixture
    def good(self):
        return Evidence([row(0, 2.1, 4.4)], KNOWN)

    @pytest.fixture
    def bad(self):
        return Evidence([row(0, 2.1, 4.4), row(0, 1.9, 4.4)], KNOWN)


def test_the_value_is_the_smallest_ratio_of_all_pairs():
    # Li-Cl 2.1 / 2.0 and Cl-Cl 2.09 / 2.2 = 0.95; in the second frame Li-Cl 1.8 / 2.0 = 0.9.
    finding = ShortestDistance().judge(Evidence([row(0, 2.1, 4.19), row(0, 1.8, 4.2)], KNOWN))
    assert finding.value == pytest.approx(0.9)
    assert finding.passed is False
    assert finding.offending == {
        0: "Cl-Cl at 0.950 of the shortest distance in the training set",
        1: "Cl-Li at 0.900 of the shortest distance in the training set",
    }


def test_a_lower_limit_lets_pass_what_is_a_little_nearer():
    finding = ShortestDistance(min_ratio=0.85).judge(Evidence([row(0, 1.8, 4.2)], KNOWN))
    assert (finding.passed, finding.threshold, finding.offending) == (True, 0.85, {})


def test_a_pair_that_was_never_seen_counts_from_the_cutoff():
    finding = ShortestDistance(cutoff_A=4.0).judge(Evidence([row(0, 3.0, symbols=["Li", "Li"])], KNOWN))
    assert finding.value == pytest.approx(3.0 / 4.0)
    assert finding.passed is False


def test_distances_go_through_the_boundary():
    cell = Atoms("LiCl", [[0.1, 0, 0], [8.6, 0, 0]], cell=[10, 10, 10], pbc=True)
    assert ShortestDistance().judge(Evidence([cell], KNOWN)).value == pytest.approx(1.5 / 2.0)


def test_a_frame_that_is_not_finite_fails():
    broken = row(0, np.nan, 4.4)
    finding = ShortestDistance().judge(Evidence([broken], KNOWN))
    assert (finding.value, finding.passed) == (None, False)
    assert finding.offending[0].startswith("not finite")


@pytest.mark.parametrize("settings", [{"min_ratio": 0}, {"cutoff_A": -1}])
def test_invalid_settings_are_rejected(settings):
    with pytest.raises(InputError, match="expected a positive number"):
        ShortestDistance(**settings)


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
    evidence = Evidence([row(0, 1.9, 4.4)], KNOWN)
    assert judge("mine", ShortestDistance(), evidence) == ShortestDistance().judge(evidence).as_dict()
    assert judge("mine", Judging(finding(np.float32(0.5))), evidence) == finding(0.5).as_dict()
