import pytest

from aiida_elyte.science.dynamics.npt import IsotropicNoseHoover
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.units import BOLTZMANN_EV_K, GPA
from tests.science.dynamics.toy_models import BreathingCrystal, IdealGas, SoftSpheres


def test_volume_of_a_breathing_crystal_has_its_analytic_mean_and_variance(salt, advance, block_error):
    # p(V) ~ exp(-[B (V - V0)²/(2 V0) + P V] / kT): mean V0 (1 - P/B), variance kT V0 / B
    bulk_modulus, pressure, temperature_K = 0.3, 1.0 * GPA, 300.0
    replicas = Replicas.from_atoms([salt] * 48, range(48))
    replicas.draw_velocities(temperature_K)
    seen = advance(
        BreathingCrystal(salt, 1.0, quartic=50.0, bulk_modulus=bulk_modulus),
        lambda some: IsotropicNoseHoover(some, 2.0, temperature_K, pressure, 50.0, 150.0),
        replicas,
        2500,
        lambda some, _: [some.volume, some.temperature_K],
        n_equilibration=400,
    )[500:]
    volume, temperature = seen[:, 0], seen[:, 1]
    start = salt.cell.volume
    assert block_error(volume) < 0.3
    assert volume.mean() == pytest.approx(start * (1 - pressure / bulk_modulus), abs=3.5 * block_error(volume))
    assert volume.var() == pytest.approx(BOLTZMANN_EV_K * temperature_K * start / bulk_modulus, rel=0.2)
    assert temperature.mean() == pytest.approx(temperature_K, abs=3.5 * block_error(temperature))


def test_ideal_gas_obeys_its_law(salt, advance, block_error):
    # without collisions the temperature is not canonical, but P <V> = N k <T> at whatever temperature it has;
    # N and not N - 1: the momentum of the centre of mass is fixed, its place is not
    pressure = 0.2 * GPA
    replicas = Replicas.from_atoms([salt] * 48, range(48))
    replicas.draw_velocities(300.0)
    seen = advance(
        IdealGas(),
        lambda some: IsotropicNoseHoover(some, 4.0, 300.0, pressure, 100.0, 200.0),
        replicas,
        2500,
        lambda some, _: [pressure * some.volume - 8 * BOLTZMANN_EV_K * some.temperature_K],
    )[:, 0]
    scale = 8 * BOLTZMANN_EV_K * 300.0
    assert block_error(seen) < 0.02 * scale
    assert seen.mean() == pytest.approx(0.0, abs=3.5 * block_error(seen))


def test_conserved_quantity_holds_to_second_order(salt, scatter):
    errors = scatter(
        BreathingCrystal(salt),
        lambda some, timestep_fs: IsotropicNoseHoover(some, timestep_fs, 300.0, 1.0 * GPA, 50.0, 150.0),
        lambda some, integrator: [integrator.conserved(some), some.volume],
        moves=3.0,
    )
    assert errors[0] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.25)


def test_virial_theorem_holds_for_pairs(salt, advance, block_error):
    n_atoms, pressure = 64, 3.0 * GPA
    replicas = Replicas.from_atoms([salt * (2, 2, 2)] * 2, [1, 2])
    replicas.draw_velocities(300.0)
    seen = advance(
        SoftSpheres(3.0, 3.5),
        lambda some: IsotropicNoseHoover(some, 2.0, 300.0, pressure, 50.0, 100.0),
        replicas,
        1500,
        lambda some, _: [some.volume, some.stress.diagonal(dim1=1, dim2=2).sum(1)],
        n_equilibration=200,
    )
    # <V tr σ> + 3 P <V> = 3 N kT
    volume, trace = seen[300:, 0], seen[300:, 1]
    balance = volume * (trace + 3.0 * pressure) / (3 * n_atoms * BOLTZMANN_EV_K * 300.0)
    assert block_error(balance) < 0.1
    assert balance.mean() == pytest.approx(1.0, abs=3.5 * block_error(balance))
