import numpy as np
import pytest
import torch

from aiida_elyte.science.dynamics.chain import NoseHooverChain
from aiida_elyte.science.dynamics.nose_hoover import NoseHoover
from aiida_elyte.science.dynamics.replicas import Replicas
from tests.science.dynamics.toy_models import BreathingCrystal, SoftSpheres


def test_kinetic_temperature_and_its_fluctuation_are_canonical(salt, advance, block_error):
    replicas = Replicas.from_atoms([salt] * 48, range(48))
    replicas.draw_velocities(300.0)
    temperature = advance(
        BreathingCrystal(salt, 1.0, quartic=50.0),
        lambda some: NoseHoover(some, 2.0, 300.0, 50.0),
        replicas,
        1500,
        lambda some, _: [some.temperature_K],
        n_equilibration=400,
    )[:, 0]
    assert block_error(temperature) < 3.0
    assert temperature.mean() == pytest.approx(300.0, abs=3.5 * block_error(temperature))
    # var(T) = 2 T² / (3 N - 3) with N = 8
    assert temperature.var() == pytest.approx(2 * 300.0**2 / 21, rel=0.1)


def test_energy_with_the_chain_is_conserved_to_second_order(salt, scatter):
    errors = scatter(
        BreathingCrystal(salt),
        lambda some, timestep_fs: NoseHoover(some, timestep_fs, 300.0, 50.0),
        lambda some, integrator: [integrator.conserved(some), integrator.chain.energy],
        moves=0.05,
    )
    assert errors[0] < 5e-4
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.25)


def test_each_replica_has_its_own_chain(salt, advance):
    def run(seeds):
        replicas = Replicas.from_atoms([salt] * len(seeds), seeds)
        replicas.draw_velocities(300.0)
        build = lambda some: NoseHoover(some, 2.0, 300.0, 50.0)  # noqa: E731
        return advance(SoftSpheres(), build, replicas, 100, lambda some, _: [some.energy])[:, 0]

    assert np.array_equal(run([4])[:, 0], run([1, 4, 2])[:, 1])


def test_chain_alone_follows_its_equations():
    """One half-step of a fine splitting against a plain integration of the chain's equations of motion."""
    n_dof, temperature_K, time_fs, kinetic = 21.0, 300.0, 50.0, 1.0
    chain = NoseHooverChain(torch.tensor([n_dof], dtype=torch.float64), temperature_K, time_fs)
    chain.velocities += torch.tensor([[0.002, -0.001, 0.003]])
    v, kT = chain.velocities[0].numpy().copy(), 8.617333262e-5 * temperature_K
    log_scale, n_fine = 0.0, 20000
    step = 2.0 / n_fine
    for _ in range(n_fine):
        twice = kinetic * np.exp(2 * log_scale)
        a = np.array(
            [
                (twice - n_dof * kT) / (n_dof * kT * time_fs**2) - v[0] * v[1],
                n_dof * v[0] ** 2 - 1 / time_fs**2 - v[1] * v[2],
                v[1] ** 2 - 1 / time_fs**2,
            ]
        )
        log_scale -= step * v[0]
        v = v + step * a
    scale = chain.propagate(torch.tensor([kinetic], dtype=torch.float64), 4.0)
    assert float(scale) == pytest.approx(np.exp(log_scale), rel=1e-6)
    assert chain.velocities[0].numpy() == pytest.approx(v, rel=1e-4)
