import pytest

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.extrapolation import Extrapolation
from tests.science.qualification.runs import evidence, labelled, sampled


class TestExtrapolation(QualificationContract):
    @pytest.fixture
    def mine(self):
        return Extrapolation()

    @pytest.fixture
    def good(self):
        return evidence(sampled=sampled(amplitude_A=0.15), labelled=labelled(amplitude_A=0.15))

    @pytest.fixture
    def bad(self):
        return evidence(sampled=sampled(amplitude_A=1.0), labelled=labelled(amplitude_A=0.05))


def test_frames_of_the_same_kind_are_as_near_as_the_labelled_ones_are_to_each_other():
    same = evidence(sampled=sampled(20, amplitude_A=0.15), labelled=labelled(40, amplitude_A=0.15))
    assert 0.7 < Extrapolation().judge(same).value < 1.5


def test_without_labelled_frames_it_is_not_judged():
    assert Extrapolation().judge(evidence(labelled=[])).reason == "no labelled frame to compare with"
