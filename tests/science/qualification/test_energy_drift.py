import numpy as np
import pytest

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.science.qualification.energy_drift import EnergyDrift
from tests.science.qualification.runs import KT, evidence, report, sampled


class TestEnergyDrift(QualificationContract):
    @pytest.fixture
    def mine(self):
        return EnergyDrift()

    @pytest.fixture
    def good(self):
        return evidence()

    @pytest.fixture
    def bad(self):
        return evidence(runs={"nve": report(drift_eV_atom_ps=0.05 * KT)}, sampled=sampled(run="nve"))


@pytest.mark.parametrize("drift_eV_atom_ps", [1e-3, -2e-3])
def test_the_value_is_the_slope_over_kT(drift_eV_atom_ps):
    finding = EnergyDrift().judge(evidence(runs={"nve": report(drift_eV_atom_ps)}))
    assert finding.value == pytest.approx(abs(drift_eV_atom_ps) / KT, rel=0.02)
    assert "meV/atom/ps at most, in 2 replicas" in finding.reason


def test_replicas_that_stopped_have_no_drift():
    stopped = {label: {"kind": "EXPLODED", "message": "", "step": 3} for label in ("r0", "r1")}
    finding = EnergyDrift().judge(evidence(runs={"nve": report(1.0, stops=stopped)}))
    assert (finding.value, finding.passed) == (None, None)
    assert "no replica" in finding.reason


def test_the_scatter_of_a_short_run_is_no_drift():
    noisy = report()
    for history in noisy["history"].values():
        rng = np.random.default_rng(len(noisy))
        history["conserved_change_eV_atom"] = list(rng.normal(scale=0.05 * KT, size=61))
    assert EnergyDrift().judge(evidence(runs={"nve": noisy})).passed is True
