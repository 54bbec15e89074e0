import pytest

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.temperature import MeanTemperature, RunawayTemperature
from tests.science.qualification.runs import evidence, report


class TestMeanTemperature(QualificationContract):
    @pytest.fixture
    def mine(self):
        return MeanTemperature()

    @pytest.fixture
    def good(self):
        return evidence()

    @pytest.fixture
    def bad(self):
        return evidence(runs={"nvt": report(temperature_K__r0={"mean": 660.0, "n_samples": 60, "std_err": 5.0})})


class TestRunawayTemperature(QualificationContract):
    @pytest.fixture
    def mine(self):
        return RunawayTemperature()

    @pytest.fixture
    def good(self):
        return evidence()

    @pytest.fixture
    def bad(self):
        return evidence(runs={"nvt": report(temperature_extremes_K__r0={"last": 0, "max": 2100.0, "step": 290})})


def test_five_standard_errors_of_the_mean_are_taken_off():
    short = report(temperature_K__r0={"mean": 650.0, "n_samples": 60, "std_err": 4.0})
    assert MeanTemperature().judge(evidence(runs={"nvt": short})).value == pytest.approx((50 - 20) / 600)


def test_excursions_are_counted_in_canonical_deviations():
    # √(2/24) 600 K = 173.2 K; (1300 - 600) / 173.2 = 4.04
    assert RunawayTemperature().judge(evidence()).value == pytest.approx(4.04, abs=0.01)


def test_the_frame_nearest_to_the_excursion_is_blamed():
    hot = report(temperature_extremes_K__r0={"last": 0, "max": 9999.0, "step": 290})
    finding = RunawayTemperature().judge(evidence(runs={"nvt": hot}))
    ((index, said),) = finding.offending.items()
    assert evidence().sampled[index].info["step"] == 300
    assert said == "9999 K where 600 K are set"


def test_microcanonical_runs_have_no_temperature_to_keep():
    assert MeanTemperature().judge(evidence(runs={"nve": report()})).passed is None
