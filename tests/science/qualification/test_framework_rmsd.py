import numpy as np
import pytest

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.framework_rmsd import FrameworkRmsd
from tests.science.qualification.runs import evidence, report, sampled


class TestFrameworkRmsd(QualificationContract):
    @pytest.fixture
    def mine(self):
        return FrameworkRmsd()

    @pytest.fixture
    def good(self):
        return evidence()

    @pytest.fixture
    def bad(self):
        return evidence(runs={"nvt": report(lindemann__r1={"last": 0.2, "max": 0.4, "step": 10})})


def test_frames_of_a_melt_fail_whatever_the_record_says():
    molten = sampled(amplitude_A=1.5)
    finding = FrameworkRmsd().judge(evidence(sampled=molten))
    assert finding.passed is False
    assert len(finding.offending) > len(molten) / 2


def test_vibrations_pass_with_the_ratio_of_their_amplitude():
    finding = FrameworkRmsd().judge(evidence(sampled=sampled(30, amplitude_A=0.1), runs={}))
    # three directions of 0.1 Å, of which the drift takes one atom in four; like atoms are 3.96 Å apart
    assert 0.8 < finding.value / (np.sqrt(3 * 0.75) * 0.1 / 3.96) < 2.0
    assert finding.passed is True


def test_without_a_framework_it_is_not_judged_and_says_what_to_do():
    finding = FrameworkRmsd().judge(evidence(framework=()))
    assert finding.passed is None
    assert "name its species" in finding.reason
