"""Potentials behind ASE's and torch-sim's interfaces."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.calculators import EnsembleCalculator, PotentialCalculator
from aiida_elyte.science.potentials.painn.model import build_painn

ARCHITECTURE = {"n_features": 16, "n_layers": 2, "n_rbf": 8, "cutoff_A": 4.0}


def member(seed: int, cutoff: float = 4.0):
    architecture = {**ARCHITECTURE, "cutoff_A": cutoff}
    return build_painn(architecture, energy_reference=["Li", "Cl"], seed=seed, dtype=torch.float64).eval()


@pytest.fixture
def frame() -> Atoms:
    frame = bulk("LiCl", "rocksalt", a=5.1).repeat((2, 1, 1))
    frame.rattle(0.1, seed=2)
    return frame


def test_calculator_agrees_with_ase_differences(frame):
    frame.calc = PotentialCalculator(member(0))
    assert frame.get_forces() == pytest.approx(calculate_numerical_forces(frame, eps=1e-4), abs=1e-6)
    assert frame.get_stress() == pytest.approx(calculate_numerical_stress(frame, eps=1e-5), abs=1e-7)


def test_verlet_list_changes_nothing_along_a_path(frame):
    one = member(0)
    kept = PotentialCalculator(one)
    rng = np.random.default_rng(0)
    for _ in range(15):
        frame.positions += 0.03 * rng.normal(size=(len(frame), 3))
        assert kept.get_forces(frame) == pytest.approx(PotentialCalculator(one).get_forces(frame), abs=1e-10)


def test_ensemble_is_the_mean_of_its_members(frame):
    members = [member(seed) for seed in range(3)]
    ensemble = EnsembleCalculator(members)
    forces = np.array([PotentialCalculator(one).get_forces(frame) for one in members])
    stresses = np.array([PotentialCalculator(one).get_stress(frame) for one in members])
    assert ensemble.get_forces(frame) == pytest.approx(forces.mean(0), abs=1e-12)
    assert ensemble.get_stress(frame) == pytest.approx(stresses.mean(0), abs=1e-12)
    deviation = np.linalg.norm(forces - forces.mean(0), axis=2)
    assert ensemble.results["forces_spread"] == pytest.approx(np.sqrt((deviation**2).sum(0) / 2), abs=1e-12)
    assert ensemble.results["energy_spread"] > 0


def test_stress_of_a_cluster_is_refused():
    cluster = Atoms("LiCl", [[0, 0, 0], [2, 0, 0]], calculator=PotentialCalculator(member(0)))
    assert cluster.get_forces()[0] == pytest.approx(-cluster.get_forces()[1], abs=1e-12)
    with pytest.raises(PropertyNotImplementedError):
        cluster.get_stress()


def test_unknown_element_is_refused():
    with pytest.raises(InputError, match=r"holds \['O'\]"):
        PotentialCalculator(member(0)).get_potential_energy(Atoms("O"))


def test_members_may_differ_in_cutoff(frame):
    members = [member(0), member(1, cutoff=5.0)]
    energies = [PotentialCalculator(one).get_potential_energy(frame) for one in members]
    assert EnsembleCalculator(members).get_potential_energy(frame) == pytest.approx(np.mean(energies), abs=1e-12)


def test_an_ensemble_has_a_member():
    with pytest.raises(InputError, match="no potential"):
        EnsembleCalculator([])


def test_torch_sim_sees_the_same_numbers(frame):
    torch_sim = pytest.importorskip("torch_sim")
    from aiida_elyte.science.potentials.torchsim import TorchSimModel

    one = member(0)
    frames = [frame, frame.repeat((1, 2, 1))]
    state = torch_sim.io.atoms_to_state(frames, torch.device("cpu"), torch.float64)
    found = TorchSimModel(one, compute_stress=True)(state)
    for index, single in enumerate(frames):
        calculator = PotentialCalculator(one)
        assert float(found["energy"][index]) == pytest.approx(calculator.get_potential_energy(single), abs=1e-10)
        part = found["forces"][state.system_idx == index]
        assert part.numpy() == pytest.approx(calculator.get_forces(single), abs=1e-10)
        xx, yy, zz, yz, xz, xy = calculator.get_stress(single)
        expected = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]
        assert found["stress"][index].numpy() == pytest.approx(np.array(expected), abs=1e-11)


def test_torch_sim_accepts_the_model():
    interface = pytest.importorskip("torch_sim.models.interface")
    from aiida_elyte.science.potentials.torchsim import TorchSimModel

    potential = build_painn(ARCHITECTURE, energy_reference=["Si", "Fe"], dtype=torch.float64)
    model = TorchSimModel(potential, compute_stress=True)
    interface.validate_model_outputs(model, torch.device("cpu"), torch.float64)
