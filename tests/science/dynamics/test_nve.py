import numpy as np
import pytest
import torch

from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.nve import VelocityVerlet
from aiida_elyte.science.dynamics.replicas import Replicas
from tests.science.dynamics.toy_models import BreathingCrystal, SoftSpheres


def test_energy_error_falls_with_the_square_of_the_time_step(salt, advance):
    errors = []
    for timestep_fs in (2.0, 1.0):
        replicas = Replicas.from_atoms([salt], [1])
        replicas.draw_velocities(300.0)
        energies = advance(
            BreathingCrystal(salt),
            lambda some, dt=timestep_fs: VelocityVerlet(some, dt),
            replicas,
            int(1000 / timestep_fs),
            lambda some, integrator: [integrator.conserved(some)],
        )
        errors.append(energies.std())
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.15)


def test_tethered_atoms_follow_the_solution_of_their_linear_system(salt, advance):
    replicas = Replicas.from_atoms([salt], [1])
    replicas.velocities[0, 0], replicas.velocities[1, 0] = 1e-3, -1e-3 * replicas.masses[0] / replicas.masses[1]
    stiffness = 2.0
    track = advance(
        BreathingCrystal(salt, stiffness),
        lambda some: VelocityVerlet(some, 0.5),
        replicas,
        400,
        lambda some, _: [some.positions[0, 0]],
    )[:, 0]
    # the tethers leave the mean displacement out and the net force is taken away by masses: a linear system in x
    masses = replicas.masses.numpy()
    project = np.eye(8) - np.outer(masses, np.ones(8)) / masses.sum()
    centre = np.eye(8) - np.ones((8, 8)) / 8
    dynamics = -project @ (stiffness * centre) / masses[:, None] / 103.642697
    values, vectors = np.linalg.eig(dynamics)
    start = np.zeros(8)
    start[:2] = 1e-3, -1e-3 * masses[0] / masses[1]
    times = 0.5 * np.arange(1, 401)
    rates = np.sqrt(-values.real.clip(max=-1e-30))
    weights = np.linalg.solve(vectors, start) / rates
    expected = (vectors[0] * weights) @ np.sin(rates[:, None] * times)
    assert track == pytest.approx(expected.real, abs=2e-5)


def test_motion_runs_backwards(salt):
    replicas = Replicas.from_atoms([salt], [3])
    replicas.draw_velocities(300.0)
    start = replicas.positions.clone()
    forces = Forces(SoftSpheres())
    forces.reset(replicas)
    forces(replicas)
    integrator = VelocityVerlet(replicas, 2.0)
    for direction in (1.0, -1.0):
        replicas.velocities *= direction
        for _ in range(100):
            integrator.step(replicas, forces)
    assert torch.allclose(replicas.positions, start, atol=1e-9)
