import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.aggregation import Aggregation
from aiida_elyte.science.qualification.evidence import Evidence

GRID = np.stack(np.meshgrid(*[np.arange(3) * 4.0] * 3), axis=-1).reshape(-1, 3)


def ions(seed, amplitude_A=0.4, gathered=0, replica="r0"):
    """Twenty-seven Li on a grid of 4 Å that vibrate; some of them gathered about the first."""
    rng = np.random.default_rng(seed)
    positions = GRID + rng.normal(scale=amplitude_A, size=GRID.shape)
    positions[1 : 1 + gathered] = positions[0] + 2.0 * rng.normal(size=(gathered, 3))
    return Atoms("Li27", positions, cell=[12, 12, 12], pbc=True, info={"run": "nvt", "replica": replica, "step": seed})


KNOWN = [ions(seed) for seed in range(40)]


class TestAggregation(QualificationContract):
    @pytest.fixture
    def mine(self):
        return Aggregation()

    @pytest.fixture
    def good(self):
        return Evidence([ions(seed, amplitude_A=0.5) for seed in range(100, 110)], KNOWN)

    @pytest.fixture
    def bad(self):
        return Evidence([ions(seed, gathered=min(seed, 15)) for seed in range(20)], KNOWN)


def test_frames_like_the_labelled_ones_stay_below_the_fullest():
    assert Aggregation().judge(Evidence([ions(seed) for seed in range(50, 60)], KNOWN)).value < 1.0


def test_one_replica_that_gathers_is_enough():
    both = [ions(seed, replica="r0") for seed in range(10)] + [
        ions(seed, gathered=15, replica="r1") for seed in range(10)
    ]
    finding = Aggregation().judge(Evidence(both, KNOWN))
    assert finding.passed is False
    assert min(finding.offending) >= 10
    assert finding.reason.endswith("in r1")


def test_without_labelled_frames_it_is_not_judged():
    assert Aggregation().judge(Evidence([ions(1)], [])).reason == "no labelled frame to compare with"
