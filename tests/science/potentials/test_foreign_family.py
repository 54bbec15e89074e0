"""A family from elsewhere keeps to the contract and works beside another in one ensemble."""

import json

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.family import FamilyContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.calculators import EnsembleCalculator, PotentialCalculator
from aiida_elyte.science.potentials.errors import predict
from aiida_elyte.science.potentials.family import resolve_family
from aiida_elyte.science.potentials.painn.model import build_painn
from tests.science.potentials.toy_family import SoftSphereFamily

SPHERES = {"family": "soft-spheres", "elements": ["Ar", "Ne"], "strength_eV": 2.0, "cutoff_A": 5.0}


@pytest.fixture
def content():
    return json.dumps(SPHERES).encode()


@pytest.fixture
def frame():
    frame = bulk("ArNe", "rocksalt", a=5.2).repeat((2, 1, 1))
    frame.set_cell(frame.cell.array + 0.1 * np.random.default_rng(0).normal(size=(3, 3)), scale_atoms=True)
    frame.rattle(0.1, seed=1)
    return frame


class TestSoftSpheres(FamilyContract):
    heavy = ()

    @pytest.fixture
    def family(self):
        return SoftSphereFamily()


def test_clusters_and_crystals_are_predicted_by_the_formula(content, frame):
    # 2 eV (1 − 2/5)⁴ = 0.2592 eV and a force of 4 · 2/5 (3/5)³ = 0.3456 eV/Å at 2 Å
    pair = Atoms("ArNe", [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    potential = SoftSphereFamily().load(content)
    energies, forces = predict(potential, [pair, frame])
    assert energies == pytest.approx([0.2592, PotentialCalculator(potential).get_potential_energy(frame)], abs=1e-12)
    np.testing.assert_allclose(forces[0], [[-0.3456, 0, 0], [0.3456, 0, 0]], atol=1e-12)
    assert forces[1].shape == (4, 3)


def test_members_of_two_families_make_an_ensemble(content, frame):
    network = build_painn({"n_features": 8, "n_layers": 1}, energy_reference=["Ar", "Ne"], dtype=torch.float64)
    members = [SoftSphereFamily().load(content), network]
    energies = [PotentialCalculator(member).get_potential_energy(frame) for member in members]
    assert EnsembleCalculator(members).get_potential_energy(frame) == pytest.approx(np.mean(energies), abs=1e-12)


def test_a_reference_that_names_no_family_is_rejected():
    with pytest.raises(InputError, match=r"expected package\.module:Class"):
        resolve_family(f"{__name__}:content")
    with pytest.raises(InputError, match="cannot be imported"):
        resolve_family("no.such.module:Family")
