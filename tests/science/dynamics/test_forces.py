import torch

from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.nve import VelocityVerlet
from aiida_elyte.science.dynamics.replicas import Replicas
from tests.science.dynamics.toy_models import BreathingCrystal, SoftSpheres, Toy


class Wind(Toy):
    def forward(self, state, **kwargs):
        return {"energy": torch.zeros(1), "forces": torch.ones_like(state.positions)}


class Torn(SoftSpheres):
    """Gives the second system forces that are no numbers."""

    def forward(self, state, **kwargs):
        found = super().forward(state)
        found["forces"][state.system_idx == 1] = torch.nan
        return found


def test_net_force_is_taken_away_by_masses(salt):
    replicas = Replicas.from_atoms([salt], [1])
    forces = Forces(Wind())
    forces.reset(replicas)
    forces(replicas)
    # a uniform wind of 1 eV/Å on 8 atoms of total mass M accelerates all by 8/M: F_i = 1 - 8 m_i / M
    expected = 1.0 - 8.0 * replicas.masses / replicas.masses.sum()
    assert torch.allclose(replicas.forces, expected[:, None].expand(-1, 3))


def test_a_replica_that_breaks_is_parked_and_the_others_do_not_notice(salt):
    replicas = Replicas.from_atoms([salt] * 2, [1, 2])
    alone = Replicas.from_atoms([salt], [1])
    for some, model in ((replicas, Torn()), (alone, SoftSpheres())):
        some.draw_velocities(300.0)
        forces = Forces(model)
        forces.reset(some)
        forces(some)
        integrator = VelocityVerlet(some, 1.0)
        for _ in range(5):
            integrator.step(some, forces)
        assert forces.exploded == ({1} if some is replicas else set())
    assert torch.isfinite(replicas.positions).all()
    assert torch.equal(replicas.positions[:8], alone.positions)


def test_positions_are_handed_over_in_the_precision_asked_for(salt):
    model = BreathingCrystal(salt)
    seen = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].positions.dtype))
    replicas = Replicas.from_atoms([salt], [1])
    for dtype in (None, torch.float32):
        forces = Forces(model, dtype)
        forces.reset(replicas)
        if dtype is None:
            forces(replicas)
        else:
            model.fractions = model.fractions.float()
            forces(replicas)
    assert seen == [torch.float64, torch.float32]
    assert replicas.forces.dtype == torch.float64


def test_a_reset_goes_on_with_a_model_without_memory(salt):
    fresh = SoftSpheres()
    forces = Forces(SoftSpheres(), renew=lambda: fresh)
    forces.reset(Replicas.from_atoms([salt], [1]))
    assert forces.model is fresh
