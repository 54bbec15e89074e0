import math

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.transport.anderson_stuart import anderson_stuart_barrier, displacement_factor
from aiida_elyte.units import GPA

# e²/4πε₀ = 14.39964 eV Å


def test_binding_and_strain_by_hand():
    # Na+ (0.95 Å) beside O2- (1.40 Å), ε = 7, β = 0.3: 0.3 × 14.39964 × 1 × 2 / (7 × 2.35) = 8.63979/16.45 = 0.52522 eV
    # G = 30.5 GPa = 30.5/160.2177 = 0.190366 eV/Å³, r_D = 0.60 Å: 4π × 0.190366 × 0.60 × 0.35² = 0.17583 eV
    barrier = anderson_stuart_barrier(
        0.95, 1.40, 7.0, counter_charge=2, factor=0.3, shear_modulus_eV_A3=30.5 * GPA, doorway_radius_A=0.60
    )
    assert barrier.binding_eV == pytest.approx(0.52522, abs=1e-5)
    assert barrier.strain_eV == pytest.approx(0.17583, abs=1e-5)
    assert barrier.total_eV == pytest.approx(0.70105, abs=1e-5)


def test_electrostatic_barrier_from_the_distance_of_sites_by_hand():
    # Li+ (0.76 Å) beside S2- (1.84 Å), sites 3.4 Å apart, ε = 10: at contact 2.60 Å, half-way 2.60 + 1.70 = 4.30 Å,
    # 14.39964 × 2 / 10 × (1/2.60 − 1/4.30) = 2.879928 × (0.3846154 − 0.2325581) = 0.437914 eV
    barrier = anderson_stuart_barrier(0.76, 1.84, 10.0, counter_charge=2, site_distance_A=3.4)
    assert barrier.total_eV == pytest.approx(0.437914, abs=1e-6)
    assert barrier.strain_eV == 0
    assert displacement_factor(3.4, 0.76, 1.84) == pytest.approx(1.7 / 4.3)


def test_sites_far_apart_cost_the_whole_binding_energy():
    assert displacement_factor(1e9, 0.76, 1.84) == pytest.approx(1)
    assert displacement_factor(1e-9, 0.76, 1.84) == pytest.approx(0, abs=1e-9)


def test_a_wide_doorway_costs_nothing():
    barrier = anderson_stuart_barrier(0.76, 1.84, 10.0, factor=0.5, shear_modulus_eV_A3=0.2, doorway_radius_A=0.8)
    assert barrier.strain_eV == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius_A": -1.0}, "radius_A is -1"),
        ({"counter_radius_A": 0.0}, "counter_radius_A is 0"),
        ({"permittivity": math.nan}, "permittivity is nan"),
        ({"counter_charge": -2}, "counter_charge is -2; expected a positive number"),
        ({"site_distance_A": 0.0}, "site_distance_A is 0"),
        ({"site_distance_A": None}, "expected exactly one of them"),
        ({"factor": 0.3}, "expected exactly one of them"),
        ({"shear_modulus_eV_A3": 0.2}, "doorway_radius_A is missing"),
        ({"shear_modulus_eV_A3": -0.2, "doorway_radius_A": 0.5}, "shear_modulus_eV_A3 is -0.2"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"radius_A": 0.76, "counter_radius_A": 1.84, "permittivity": 10.0, "site_distance_A": 3.4}
    with pytest.raises(InputError, match=message):
        anderson_stuart_barrier(**given | change)
