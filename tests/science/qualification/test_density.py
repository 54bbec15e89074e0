import pytest

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.density import Density
from tests.science.qualification.runs import START, evidence, report, sampled

NACL_G_CM3 = 4 * (22.990 + 35.45) / 6.02214e23 / (5.6e-8) ** 3
"""Four formula units in the cubic cell of 5.6 Å: 2.21 g/cm³."""


class TestDensity(QualificationContract):
    @pytest.fixture
    def mine(self):
        return Density(reference_g_cm3=2.165)

    @pytest.fixture
    def good(self):
        return evidence()

    @pytest.fixture
    def bad(self):
        large = {"mean": 1.2 * START.get_volume(), "n_samples": 60}
        return evidence(runs={"npt": report(volume_A3__r0=large, volume_A3__r1=large)}, sampled=sampled(run="npt"))


def test_the_value_is_the_error_of_the_density():
    assert Density(reference_g_cm3=2.0).judge(evidence()).value == pytest.approx(NACL_G_CM3 / 2.0 - 1, abs=1e-3)


def test_without_a_reference_it_is_not_judged():
    finding = Density().judge(evidence())
    assert (finding.passed, finding.reason) == (None, "no reference is given")
