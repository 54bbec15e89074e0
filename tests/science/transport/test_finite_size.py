import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import Estimate
from aiida_elyte.science.transport.finite_size import correct_for_finite_size


def test_correction_of_water_in_a_small_box():
    # k T = 1.380649e-23 × 298 J = 4.1143e-21 J; η = 0.85e-3 Pa s; L = 18.64 Å (216 molecules)
    # 2.837297 × 4.1143e-21 / (6 π × 0.85e-3 × 18.64e-10) = 1.1674e-20 / 2.9866e-11 = 3.909e-10 m²/s = 3.909e-6 cm²/s
    bare = Estimate(2.0e-5, 1e-6, (1.8e-5, 2.2e-5), "cm2/s", 50.0, "x")
    found = correct_for_finite_size(bare, 298.0, 18.64**3, 0.85)
    assert found.value == pytest.approx(2.0e-5 + 3.909e-6, rel=1e-3)
    assert found.ci95 == pytest.approx((2.1909e-5, 2.5909e-5), rel=1e-3)
    assert found.std == bare.std
    assert "0.85 mPa s" in found.method


@pytest.mark.parametrize("viscosity", [0.0, -1.0, float("nan")])
def test_viscosity_must_be_positive(viscosity):
    bare = Estimate(2.0e-5, 1e-6, (1.8e-5, 2.2e-5), "cm2/s", 50.0, "x")
    with pytest.raises(InputError, match="viscosity_mPa_s is"):
        correct_for_finite_size(bare, 298.0, 1000.0, viscosity)
