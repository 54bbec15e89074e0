import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.perception import topology_from_frame
from aiida_elyte.science.molecules.topology import charges_of_molecules
from tests.science.molecules.topologies import is_same


def _octahedron(bond_A=1.6):
    return Atoms("PF6", np.concatenate([np.zeros((1, 3)), bond_A * np.eye(3), -bond_A * np.eye(3)]))


def test_octahedral_anion_has_twelve_right_and_three_straight_angles():
    atoms = _octahedron()
    topology = topology_from_frame(atoms, charge=-1)
    angles = np.round([atoms.get_angle(*row) for row in topology.angles])
    assert sorted(angles) == [90] * 12 + [180] * 3
    assert set(topology.angles[:, 1]) == {0}


def test_metal_ions_are_taken_out_and_halides_stand_alone():
    water = molecule("H2O")
    frame = Atoms("NaCl", [[0, 0, 1.9], [0, 2.3, 2.6]]) + water
    topology = topology_from_frame(frame, charge=0)
    assert topology.names == ("Na", "Cl", "H2O")
    assert charges_of_molecules(topology).tolist() == [1, -1, 0]
    assert topology.bonds.tolist() == [[2, 3], [2, 4]]


def test_bonds_cross_periodic_faces():
    water = molecule("H2O", cell=[8.0, 9.0, 10.0], pbc=True)
    inside = topology_from_frame(water, charge=0)
    water.translate([-0.1, 0.3, 0.0])
    water.wrap()
    assert np.ptp(water.positions, axis=0).max() > 5
    assert is_same(topology_from_frame(water, charge=0), inside)


def test_charges_close_shells():
    anion = _octahedron()
    salt = Atoms("Li", [[3.0, 3.0, 3.0]]) + anion
    assert charges_of_molecules(topology_from_frame(salt, charge=0)).tolist() == [1, -1]
    solvated = salt + Atoms(molecule("H2O").symbols, molecule("H2O").positions + 9)
    assert charges_of_molecules(topology_from_frame(solvated, charge=0)).tolist() == [1, -1, 0]
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 1.49 / 3**0.5
    sulfate = Atoms("SO4", np.concatenate([np.zeros((1, 3)), corners]))
    assert charges_of_molecules(topology_from_frame(sulfate, charge=-2)).tolist() == [-2]


@pytest.mark.parametrize(
    ("frame", "charge", "sentence"),
    [
        (_octahedron(), 0, "charge is 0, which leaves 0 for the 1 molecules of 1 F6P, 1 of them with an odd number"),
        (molecule("H2O"), 1, "charge is 1, which leaves 1 for the 1 molecules of 1 H2O, 0 of them"),
        (Atoms("Li"), 0, "charge is 0, which leaves -1 for the 0 molecules of 1 Li"),
        (molecule("H2O") + Atoms("O", [[0, 0, 6.0]]), 0, "atom 3 (O) of the frame stands alone"),
        (molecule("H2O") + Atoms("H", [[0, 0.76, -1.2]]), 0, "atom 1 (H) of the frame has 2 neighbours"),
        (Atoms("C2", [[0, 0, 0], [1.4, 0, 0]], cell=[2.6, 9, 9], pbc=True), 0, "cell of the frame is so small"),
    ],
)
def test_frames_of_no_molecules_are_refused(frame, charge, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        topology_from_frame(frame, charge)
