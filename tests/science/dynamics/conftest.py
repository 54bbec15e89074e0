"""Small systems and what advances them."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.integrator import Integrator
from aiida_elyte.science.dynamics.langevin import Langevin
from aiida_elyte.science.dynamics.replicas import Replicas


@pytest.fixture
def salt() -> Atoms:
    """Eight atoms of two masses: frequencies of a tethered crystal differ."""
    return bulk("NaCl", "rocksalt", a=5.6, cubic=True)


@pytest.fixture
def advance() -> Callable[..., np.ndarray]:
    """Return what runs replicas, at first at 300 K by Langevin dynamics, and returns what ``measure`` gives."""

    def run(
        model,
        build: Callable[[Replicas], Integrator],
        replicas: Replicas,
        n_steps: int,
        measure,
        n_equilibration: int = 0,
    ) -> np.ndarray:
        forces = Forces(model)
        forces.reset(replicas)
        forces(replicas)
        integrator: Integrator = Langevin(replicas, 2.0, 300.0, 50.0)
        for _ in range(n_equilibration):
            integrator.step(replicas, forces)
        integrator = build(replicas)
        seen = []
        for _ in range(n_steps):
            integrator.step(replicas, forces)
            seen.append(torch.stack([value.clone() for value in measure(replicas, integrator)]))
        assert not forces.exploded
        return torch.stack(seen).numpy()

    return run


@pytest.fixture
def scatter(salt, advance) -> Callable[..., list[float]]:
    """Return what gives how a quantity that should be conserved scatters at 2 fs, and at 1 fs, over 1 ps at 300 K.

    What else is measured has to move by ``moves``, or there was nothing to conserve.
    """

    def run(model, build: Callable[[Replicas, float], Integrator], measure, moves: float) -> list[float]:
        errors = []
        for timestep_fs in (2.0, 1.0):
            replicas = Replicas.from_atoms([salt] * 2, [1, 2])
            replicas.draw_velocities(300.0)
            seen = advance(model, partial(build, timestep_fs=timestep_fs), replicas, int(1000 / timestep_fs), measure)
            assert np.ptp(seen[:, 1], axis=0).min() > moves
            errors.append(seen[:, 0].std(axis=0).mean())
        return errors

    return run


@pytest.fixture
def block_error() -> Callable[[np.ndarray], float]:
    """Return the standard error of the mean of correlated series, shape (time, replicas), all replicas together."""

    def error(values: np.ndarray, n_blocks: int = 10) -> float:
        means = np.concatenate([block.mean(axis=0) for block in np.array_split(values, n_blocks)])
        return float(np.std(means, ddof=1) / np.sqrt(len(means)))

    return error
