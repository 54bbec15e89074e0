"""PaiNN as a potential: derivatives against finite differences, symmetries, SchNetPack's own model."""

from functools import partial

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.family import forces_by_differences, stress_by_differences
from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.potentials.painn.model import Painn, build_painn
from aiida_elyte.science.potentials.painn.modules import import_schnetpack
from aiida_elyte.science.potentials.zbl import compute_zbl

ARCHITECTURE = {"n_features": 16, "n_layers": 2, "n_rbf": 8, "cutoff_A": 4.0}
REFERENCE = {"Li": -1.5, "Cl": -3.25}


def crystal(seed: int = 0) -> Atoms:
    """Triclinic, rattled, with neighbours through the cell walls of a cell narrower than the cut-off."""
    rng = np.random.default_rng(seed)
    frame = bulk("LiCl", "rocksalt", a=5.1, cubic=False).repeat((2, 1, 1))
    frame.set_cell(frame.cell.array + 0.2 * rng.normal(size=(3, 3)), scale_atoms=True)
    frame.rattle(0.15, seed=seed)
    return frame


def cluster(seed: int = 0) -> Atoms:
    rng = np.random.default_rng(seed)
    return Atoms("LiClLi", positions=[[0, 0, 0], [2.2, 0, 0], [0.3, 2.5, 0.4]] + 0.1 * rng.normal(size=(3, 3)))


@pytest.fixture(scope="module")
def potential() -> Painn:
    return build_painn(ARCHITECTURE, energy_reference=REFERENCE, scale=2.0, seed=3, dtype=torch.float64)


def evaluate(potential: Painn, *frames: Atoms, stress: bool = False):
    return potential.energy_forces_stress(Batch.from_frames(frames, potential.cutoff_A, potential.dtype), stress=stress)


def energy(potential: Painn, frame: Atoms) -> float:
    return float(evaluate(potential, frame).energy[0])


@pytest.mark.parametrize("frame", [crystal(), cluster()], ids=["triclinic", "cluster"])
def test_forces_are_minus_the_slope_of_the_energy(potential, frame):
    expected = forces_by_differences(partial(energy, potential), frame)
    np.testing.assert_allclose(evaluate(potential, frame).forces.numpy(), expected, rtol=0, atol=1e-6)


def test_stress_is_the_slope_of_the_energy_with_strain(potential):
    stress = evaluate(potential, crystal(), stress=True).stress[0].numpy()
    assert stress == pytest.approx(stress.T, abs=1e-14)
    expected = stress_by_differences(partial(energy, potential), crystal())
    np.testing.assert_allclose(stress, expected, rtol=0, atol=1e-8)


def test_translation_and_wrapping_change_nothing(potential):
    frame = crystal()
    moved = frame.copy()
    moved.positions += [1.7, -9.1, 4.4]
    moved.wrap()
    assert energy(potential, moved) == pytest.approx(energy(potential, frame), abs=1e-11)
    assert evaluate(potential, moved).forces.numpy() == pytest.approx(
        evaluate(potential, frame).forces.numpy(), abs=1e-11
    )


def test_rotation_turns_forces_and_stress(potential):
    frame = crystal()
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    turned = frame.copy()
    turned.set_cell(frame.cell.array @ turn, scale_atoms=True)
    before, after = evaluate(potential, frame, stress=True), evaluate(potential, turned, stress=True)
    assert float(after.energy[0]) == pytest.approx(float(before.energy[0]), abs=1e-11)
    assert after.forces.numpy() == pytest.approx(before.forces.numpy() @ turn, abs=1e-11)
    assert after.stress[0].numpy() == pytest.approx(turn.T @ before.stress[0].numpy() @ turn, abs=1e-12)


def test_permutation_permutes_forces(potential):
    frame = crystal()
    order = np.random.default_rng(1).permutation(len(frame))
    assert energy(potential, frame[order]) == pytest.approx(energy(potential, frame), abs=1e-11)
    assert evaluate(potential, frame[order]).forces.numpy() == pytest.approx(
        evaluate(potential, frame).forces.numpy()[order], abs=1e-11
    )


def test_supercell_has_the_energy_of_its_cells_and_the_same_stress(potential):
    one, eight = (evaluate(potential, frame, stress=True) for frame in (crystal(), crystal().repeat(2)))
    assert float(eight.energy[0]) == pytest.approx(8 * float(one.energy[0]), abs=1e-9)
    assert eight.stress[0].numpy() == pytest.approx(one.stress[0].numpy(), abs=1e-11)


def test_batched_equals_single(potential):
    frames = [crystal(1), crystal(2).repeat((1, 2, 1)), crystal(3)]
    batch = evaluate(potential, *frames, stress=True)
    joined = potential.energy_forces_stress(
        Batch.join([Batch.from_frames([frame], 4.0, torch.float64) for frame in frames]), stress=True
    )
    singles = [evaluate(potential, frame, stress=True) for frame in frames]
    for found in (batch, joined):
        assert found.energy.numpy() == pytest.approx(np.concatenate([single.energy for single in singles]), abs=1e-11)
        assert found.forces.numpy() == pytest.approx(np.concatenate([single.forces for single in singles]), abs=1e-11)
        assert found.stress.numpy() == pytest.approx(np.concatenate([single.stress for single in singles]), abs=1e-12)


def test_single_atom_without_neighbours_has_no_force(potential):
    found = evaluate(potential, Atoms("Li"), stress=True)
    assert found.forces.numpy() == pytest.approx(np.zeros((1, 3)))
    assert torch.isnan(found.stress).all()


def test_energy_is_smooth_through_the_cutoff(potential):
    energies = [energy(potential, Atoms("Li2", [[0, 0, 0], [0, 0, 4.0 + shift]])) for shift in (-1e-5, 1e-5)]
    assert energies[0] == pytest.approx(energies[1], abs=1e-9)


def test_energy_reference_and_scale_enter_as_stated():
    one, two = (
        build_painn(ARCHITECTURE, energy_reference=reference, scale=scale, seed=3, dtype=torch.float64)
        for reference, scale in ((dict.fromkeys(REFERENCE, 0.0), 1.0), (REFERENCE, 2.0))
    )
    frame = cluster()
    assert energy(two, frame) == pytest.approx(2 * energy(one, frame) + 2 * -1.5 - 3.25, abs=1e-12)


def collision() -> Atoms:
    """Lithium and chlorine at half of their covalent radii, in a crystal."""
    frame = crystal(4)
    frame.positions[1] = frame.positions[0] + [0.0, 0.7, 0.9]
    return frame


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_baseline_is_added_exactly(dtype):
    given = {"energy_reference": REFERENCE, "scale": 2.0, "seed": 3, "dtype": dtype}
    bare, whole = (build_painn({**ARCHITECTURE, "baseline": name}, **given) for name in (None, "zbl"))
    frames = [collision(), cluster()]
    batch = Batch.from_frames(frames, 4.0, dtype)
    difference = whole.energy_forces_stress(batch).energy - bare.energy_forces_stress(batch).energy
    assert float(difference[0]) > 3
    # Energies are float64 in either precision: the baseline loses nothing to that of the weights.
    assert difference.numpy() == pytest.approx(compute_zbl(batch, batch.vectors, 4.0).energy.numpy(), abs=1e-9)


def test_forces_and_stress_of_a_collision_are_slopes_too(potential):
    found = evaluate(potential, collision(), stress=True)
    assert float(found.forces.norm(dim=1).max()) > 10
    expected = forces_by_differences(partial(energy, potential), collision())
    np.testing.assert_allclose(found.forces.numpy(), expected, rtol=1e-6, atol=1e-5)
    expected = stress_by_differences(partial(energy, potential), collision())
    np.testing.assert_allclose(found.stress[0].numpy(), expected, rtol=1e-6, atol=1e-7)


def test_two_atoms_driven_together_repel_whatever_the_network_says():
    distances = np.linspace(0.15, 0.8, 14)
    for seed in range(5):
        wild = build_painn(ARCHITECTURE, energy_reference=["Li"], scale=20.0, seed=seed, dtype=torch.float64)
        frames = [Atoms("Li2", [[0, 0, 0], [0, 0, distance]]) for distance in distances]
        assert (np.diff(evaluate(wild, *frames).energy.numpy()) < 0).all()


def test_unknown_baseline_is_rejected():
    with pytest.raises(InputError, match="baseline is 'zlb'; expected 'zbl'"):
        build_painn({"baseline": "zlb"}, energy_reference=["Li"])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-12)])
def test_equals_schnetpack_with_the_same_weights(dtype, tolerance):
    ours = build_painn({"baseline": None}, energy_reference=["Li", "Cl"], seed=2, dtype=dtype)
    spk = import_schnetpack()
    theirs = spk.model.NeuralNetworkPotential(
        representation=spk.representation.PaiNN(
            n_atom_basis=64,
            n_interactions=3,
            radial_basis=spk.nn.GaussianRBF(n_rbf=20, cutoff=5.0),
            cutoff_fn=spk.nn.CosineCutoff(5.0),
        ),
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[spk.atomistic.Atomwise(n_in=64, output_key="energy"), spk.atomistic.Forces()],
    ).to(dtype)
    theirs.representation.load_state_dict(ours.representation.state_dict())
    theirs.output_modules[0].outnet.load_state_dict(ours.readout.state_dict())
    frames = [crystal(1), crystal(2)]
    batch = Batch.from_frames(frames, 5.0, dtype)
    positions = torch.as_tensor(np.concatenate([frame.positions for frame in frames]), dtype=dtype)
    offsets = batch.vectors - positions[batch.second] + positions[batch.first]
    previous = torch.get_default_dtype()
    torch.set_default_dtype(dtype)  # SchNetPack's PaiNN starts its vectors in the default type
    try:
        expected = theirs.eval()(
            {
                "_atomic_numbers": batch.numbers,
                "_positions": positions,
                "_idx_i": torch.cat([batch.first, batch.second]),
                "_idx_j": torch.cat([batch.second, batch.first]),
                "_idx_m": batch.system,
                "_n_atoms": torch.bincount(batch.system),
                "_offsets": torch.cat([offsets, -offsets]),
            }
        )
    finally:
        torch.set_default_dtype(previous)
    found = ours.energy_forces_stress(batch)
    assert found.energy.numpy() == pytest.approx(expected["energy"].detach().numpy(), abs=10 * tolerance)
    assert found.forces.numpy() == pytest.approx(expected["forces"].detach().numpy(), abs=tolerance)


def test_building_leaves_the_global_random_state():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = build_painn(ARCHITECTURE, energy_reference=REFERENCE, seed=1)
    assert torch.equal(torch.rand(3), expected)
    again, other = (build_painn(ARCHITECTURE, energy_reference=REFERENCE, seed=seed) for seed in (1, 2))
    weights = [next(potential.representation.filter_net.parameters()) for potential in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_unknown_key_of_architecture_is_refused():
    with pytest.raises(InputError, match=r"n_feature.*expected.*n_features"):
        build_painn({"n_feature": 8}, energy_reference=["Li"])


def test_unknown_element_is_refused(potential):
    with pytest.raises(InputError, match=r"holds \['O'\]; expected \['Cl', 'Li'\]"):
        potential.require_elements([3, 8])
