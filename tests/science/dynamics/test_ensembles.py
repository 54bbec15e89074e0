import pytest
import torch

from aiida_elyte.science.dynamics.ensembles import build_integrator, describe_thermostat
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.science.dynamics.settings import ENSEMBLES, MdSettings, ReplicaSettings
from tests.science.dynamics.toy_models import BreathingCrystal


def settings(ensemble: str) -> MdSettings:
    return MdSettings(temperature_K=300.0, n_steps=1, replicas=(ReplicaSettings(1, "m00"),), ensemble=ensemble)


def begin(ensemble, salt):
    """Return three replicas that move, their forces and what moves them."""
    replicas = Replicas.from_atoms([salt] * 3, [1, 2, 3])
    replicas.draw_velocities(300.0)
    forces = Forces(BreathingCrystal(salt))
    forces.reset(replicas)
    forces(replicas)
    return replicas, forces, build_integrator(settings(ensemble), replicas)


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_restart_is_exact(ensemble, salt):
    replicas, forces, integrator = begin(ensemble, salt)
    for _ in range(50):
        integrator.step(replicas, forces)
    saved = replicas.state_dict(), integrator.state_dict()
    again = Replicas.from_state_dict(saved[0])
    other = build_integrator(settings(ensemble), again)
    other.load_state_dict(saved[1])
    for some, moves in ((replicas, integrator), (again, other)):
        forces.reset(some)
        for _ in range(50):
            moves.step(some, forces)
    for name in ("positions", "velocities", "cells", "forces", "energy"):
        assert torch.equal(getattr(replicas, name), getattr(again, name))
    assert torch.equal(integrator.conserved(replicas), other.conserved(again))


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_dropping_a_replica_does_not_disturb_the_others(ensemble, salt):
    ends = []
    for is_dropped in (False, True):
        replicas, forces, integrator = begin(ensemble, salt)
        for step in range(40):
            if is_dropped and step == 20:
                kept = torch.tensor([0, 2])
                replicas = replicas.keep(kept)
                integrator.keep(kept)
                forces.reset(replicas)
            integrator.step(replicas, forces)
        ends.append(replicas.positions[-8:])
    assert torch.equal(*ends)


def test_thermostat_is_described_with_what_disturbs_diffusion():
    assert describe_thermostat(settings("nve")) == {"ensemble": "nve"}
    assert describe_thermostat(settings("nvt_langevin"))["friction_per_ps"] == 1.0
    assert describe_thermostat(settings("npt_nose_hoover"))["barostat_time_fs"] == 1000.0
