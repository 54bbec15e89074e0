import numpy as np
import pytest
import torch
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.replicas import Replicas


def test_drawn_velocities_have_the_temperature_and_no_momentum(salt):
    replicas = Replicas.from_atoms([salt, salt * (2, 1, 1)], [1, 2])
    replicas.draw_velocities(300.0)
    assert replicas.temperature_K.tolist() == pytest.approx([300.0, 300.0])
    momentum = replicas.sum_over_atoms(replicas.masses[:, None] * replicas.velocities)
    assert momentum.abs().max() < 1e-12


def test_temperature_counts_three_n_minus_three_degrees_of_freedom(salt):
    replicas = Replicas.from_atoms([salt], [1])
    replicas.draw_velocities(300.0)
    kinetic = 0.5 * float((replicas.masses[:, None] * replicas.velocities**2).sum())
    # amu Å²/fs² = 103.642697 eV; k = 8.617333e-5 eV/K; eight atoms have 21 degrees of freedom
    assert kinetic * 103.642697 == pytest.approx(0.5 * 21 * 8.617333e-5 * 300.0, rel=1e-6)


def test_same_seed_same_velocities_other_seed_others(salt):
    drawn = []
    for seed in (1, 1, 2):
        replicas = Replicas.from_atoms([salt], [seed])
        replicas.draw_velocities(300.0)
        drawn.append(replicas.velocities)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])


def test_sums_over_atoms_of_unequal_replicas(salt):
    replicas = Replicas.from_atoms([salt, salt * (2, 1, 1)], [1, 2])
    assert replicas.sum_over_atoms(torch.ones(24, 3)).tolist() == [[8.0] * 3, [16.0] * 3]
    assert replicas.of_atoms(torch.tensor([5.0, 7.0])).tolist() == [5.0] * 8 + [7.0] * 16


def test_kept_replicas_go_on_unchanged(salt):
    replicas = Replicas.from_atoms([salt, salt * (2, 1, 1), salt], [1, 2, 3])
    replicas.draw_velocities(300.0)
    kept = replicas.keep(torch.tensor([0, 2]))
    assert kept.counts == (8, 8)
    assert torch.equal(kept.velocities, torch.cat([replicas.velocities[:8], replicas.velocities[24:]]))
    assert kept.generators == (replicas.generators[0], replicas.generators[2])


def test_round_trip_through_state_and_atoms(salt):
    replicas = Replicas.from_atoms([salt, salt * (2, 1, 1)], [1, 2])
    replicas.draw_velocities(300.0)
    again = Replicas.from_state_dict(replicas.state_dict())
    assert torch.equal(again.velocities, replicas.velocities)
    assert torch.equal(again.draw_normal(), replicas.draw_normal())
    frame = again.to_atoms(1)
    assert frame.get_chemical_formula() == "Cl8Na8"
    assert np.array_equal(frame.positions, (salt * (2, 1, 1)).positions)


@pytest.mark.parametrize("atoms", [Atoms("Li", cell=[3, 3, 3], pbc=True), Atoms("Li2", [[0, 0, 0], [0, 0, 2]])])
def test_one_atom_or_no_cell_is_refused(atoms):
    with pytest.raises(InputError, match="periodic in all directions"):
        Replicas.from_atoms([atoms], [1])
