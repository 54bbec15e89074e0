import numpy as np
import pytest
import torch

from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.langevin import Langevin
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.units import BOLTZMANN_EV_K
from tests.science.dynamics.toy_models import BreathingCrystal, SoftSpheres


def test_kinetic_and_potential_energy_obey_equipartition(salt, advance, block_error):
    replicas = Replicas.from_atoms([salt] * 32, range(32))
    replicas.draw_velocities(300.0)
    seen = advance(
        BreathingCrystal(salt),
        lambda some: Langevin(some, 1.0, 300.0, 20.0),
        replicas,
        1500,
        lambda some, _: [some.temperature_K, some.energy],
    )[500:]
    temperature, energy = seen[:, 0], seen[:, 1]
    assert block_error(temperature) < 5.0
    assert temperature.mean() == pytest.approx(300.0, abs=3.5 * block_error(temperature))
    # 21 harmonic modes hold ½ kT each
    assert energy.mean() == pytest.approx(10.5 * BOLTZMANN_EV_K * 300.0, abs=3.5 * block_error(energy))
    # canonical fluctuation of the kinetic temperature: var(T) = 2 T² / 21
    assert temperature.var() == pytest.approx(2 * 300.0**2 / 21, rel=0.15)


def test_velocities_forget_at_the_rate_of_the_friction(salt, advance):
    replicas = Replicas.from_atoms([salt * (4, 4, 4)], [5])
    replicas.draw_velocities(300.0)
    start = replicas.velocities.clone()
    friction_per_ps = 50.0
    seen = advance(
        BreathingCrystal(salt * (4, 4, 4), stiffness=0.0),
        lambda some: Langevin(some, 1.0, 300.0, friction_per_ps),
        replicas,
        30,
        lambda some, _: [(some.masses[:, None] * some.velocities * start).sum()],
    )[:, 0]
    first = float((replicas.masses[:, None] * start * start).sum())
    # free particles: <v(t) v(0)> = exp(-γ t) <v²>, 1.5 at t = 30 fs; 1536 velocities leave 2.6 % of noise
    assert seen[-1] / first == pytest.approx(np.exp(-1.5), abs=0.08)


def test_energy_less_heat_is_conserved(salt, advance):
    replicas = Replicas.from_atoms([salt] * 2, [1, 2])
    replicas.draw_velocities(300.0)
    seen = advance(
        BreathingCrystal(salt),
        lambda some: Langevin(some, 0.5, 300.0, 10.0),
        replicas,
        2000,
        lambda some, integrator: [integrator.conserved(some), integrator.heat],
    )
    assert np.ptp(seen[:, 1]) > 0.1
    assert np.ptp(seen[:, 0], axis=0).max() < 1e-4


def test_a_replica_does_not_depend_on_its_neighbours(salt):
    ends = {}
    for seeds in ((7,), (1, 7), (7, 2, 3)):
        replicas = Replicas.from_atoms([salt] * len(seeds), seeds)
        replicas.draw_velocities(300.0)
        forces = Forces(SoftSpheres())
        forces.reset(replicas)
        forces(replicas)
        integrator = Langevin(replicas, 2.0, 300.0, 10.0)
        for _ in range(200):
            integrator.step(replicas, forces)
        place = seeds.index(7)
        ends[seeds] = replicas.positions[8 * place : 8 * place + 8]
    assert torch.equal(ends[(7,)], ends[(1, 7)])
    assert torch.equal(ends[(7,)], ends[(7, 2, 3)])


def test_the_centre_of_mass_stays(salt, advance):
    replicas = Replicas.from_atoms([salt], [1])
    replicas.draw_velocities(300.0)
    centre = (replicas.masses[:, None] * replicas.positions).sum(dim=0) / replicas.masses.sum()
    advance(SoftSpheres(), lambda some: Langevin(some, 2.0, 300.0, 10.0), replicas, 300, lambda some, _: [some.energy])
    moved = (replicas.masses[:, None] * replicas.positions).sum(dim=0) / replicas.masses.sum() - centre
    assert moved.abs().max() < 1e-12
