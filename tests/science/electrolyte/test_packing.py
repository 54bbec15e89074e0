import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.packing import pack
from aiida_elyte.science.molecules.crowd import contact_radii
from aiida_elyte.science.molecules.polymer import make_polymer
from aiida_elyte.science.molecules.topology import charges_of_molecules
from aiida_elyte.units import G_CM3

TFSI = "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F"


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def peo():
    return make_polymer("*CCO*", 20, name="PEO")


@pytest.fixture(scope="module")
def box(peo):
    return pack({"PEO": (peo, 4)}, {"[Li+]": 6, TFSI: 6}, 0.2, rng())


def test_box_has_the_recipe_and_is_neutral(box):
    # 0.075 × 80 = 6 Li; 20 × 7 + H + CH3 = 145 atoms a chain.
    assert len(box.positions) == len(box.topology.elements) == 4 * 145 + 6 * (1 + 15)
    assert box.topology.elements.count("Li") == 6
    assert [box.topology.names.count(name) for name in ("PEO", "[Li+]")] == [4, 6]
    assert charges_of_molecules(box.topology).sum() == 0


def test_box_has_the_density_asked_for(box):
    mass = Atoms(box.topology.elements).get_masses().sum()
    assert mass * G_CM3 / np.linalg.det(box.cell) == pytest.approx(0.2, rel=1e-12)


def test_molecules_keep_the_distance_across_faces(box):
    radii = contact_radii(box.topology.elements)
    distances = get_distances(box.positions, cell=box.cell, pbc=True)[1]
    molecules = box.topology.molecules
    others = molecules[:, None] != molecules
    assert (distances / (radii[:, None] + radii))[others].min() >= 1


def test_molecules_are_whole(box):
    i, j = box.topology.bonds.T
    assert np.linalg.norm(box.positions[i] - box.positions[j], axis=1).max() < 2.0


def test_same_seed_same_box(peo, box):
    again = pack({"PEO": (peo, 4)}, {"[Li+]": 6, TFSI: 6}, 0.2, rng())
    np.testing.assert_array_equal(again.positions, box.positions)


def test_a_liquid_packs_without_chains():
    liquid = pack({}, {"C1COC(=O)O1": 10, "COC(=O)OC": 10, "[Li+]": 2, "F[P-](F)(F)(F)(F)F": 2}, 0.3, rng())
    assert len(liquid.positions) == 10 * 10 + 10 * 12 + 2 + 2 * 7


@pytest.mark.parametrize(
    ("molecules", "density", "words"),
    [
        ({"[Li+]": 2, TFSI: 1}, 0.2, r"is \+1; expected a neutral box"),
        ({"O": 20}, 0.0, "expected a positive density"),
        ({"O": 200}, 5.0, "finds no free place"),
        ({"O": 2}, 1.0, "add molecules"),
        ({"O": 0}, 0.2, "count of O is 0"),
        ({}, 0.2, "no molecules"),
    ],
)
def test_bad_boxes_are_refused(molecules, density, words):
    with pytest.raises(InputError, match=words):
        pack({}, molecules, density, rng())
