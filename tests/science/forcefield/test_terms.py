import numpy as np
import pytest
import torch

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.evaluation import Interaction, energies
from aiida_elyte.science.forcefield.internal import InternalCoordinates
from aiida_elyte.science.forcefield.terms import (
    Angle,
    Bond,
    Coulomb,
    Dihedral,
    Improper,
    LennardJones96,
    nonbonded_pairs,
)
from tests.science.forcefield.molecules import random_parameters
from tests.science.forcefield.term_contract import TermContract


class TestBuiltInTerms(TermContract):
    @pytest.fixture(params=[Bond, Angle, Dihedral, Improper, Coulomb, LennardJones96])
    def term(self, request):
        return request.param()

    @pytest.fixture
    def parameters(self, term):
        if isinstance(term, LennardJones96):
            return torch.tensor([[0.1, 2.0], [0.2, 1.3]], dtype=torch.float64)
        return torch.as_tensor(random_parameters(term, np.random.default_rng(7), n_types=2))


def test_lennard_jones_has_its_minimum_at_sigma():
    parameters = torch.tensor([[0.3], [3.2], [0.3], [3.2]], dtype=torch.float64)
    distance = torch.tensor([[[3.2]]], dtype=torch.float64)
    assert LennardJones96().energy(distance, parameters).item() == pytest.approx(-0.3, rel=1e-14)
    assert LennardJones96().slopes(distance, parameters).item() == pytest.approx(0.0, abs=1e-14)


def test_atoms_a_bond_or_two_apart_are_no_pair():
    # A chain of five and an ion.
    pairs = nonbonded_pairs(6, np.array([[0, 1], [1, 2], [2, 3], [3, 4]]))
    assert pairs.tolist() == [[0, 3], [0, 4], [0, 5], [1, 4], [1, 5], [2, 5], [3, 5], [4, 5]]
    assert nonbonded_pairs(2, np.zeros((0, 2))).tolist() == [[0, 1]]


def test_parameters_of_another_family_are_refused():
    with pytest.raises(InputError, match=r"parameters of Bond has shape \(2, 9\).*give r0, k2, k3, k4"):
        Interaction(Bond(), torch.zeros(3, dtype=torch.int64), torch.zeros(2, 9))


def test_pairs_want_two_types():
    with pytest.raises(InputError, match=r"types of Coulomb has shape \(3,\); expected \(n_rows, 2\)"):
        Interaction(Coulomb(), torch.zeros(3, dtype=torch.int64), torch.zeros(2, 1))


def test_type_without_parameters_is_refused():
    with pytest.raises(InputError, match="types of Bond runs from -1 to 0; expected 0 to 1"):
        Interaction(Bond(), torch.tensor([-1, 0]), torch.zeros(2, 4))


def test_types_of_other_rows_are_refused():
    coordinates = InternalCoordinates(torch.eye(3, dtype=torch.float64)[None], bonds=[[0, 1], [1, 2]])
    interaction = Interaction(Bond(), torch.tensor([0]), torch.ones(1, 4, dtype=torch.float64))
    with pytest.raises(InputError, match="types of Bond has 1 rows; expected 2, as there are bonds"):
        energies(coordinates, [interaction])
