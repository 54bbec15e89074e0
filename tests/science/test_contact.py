import pytest
from ase import Atoms

from aiida_elyte.science.contact import closest_contact, shortest_distances


def test_closest_contact_is_the_smallest_in_units_of_radii():
    atoms = Atoms("LiSLiLi", [[0, 0, 0], [2.0, 0, 0], [0, 5, 0], [0, 7.05, 0]], cell=[12, 12, 12], pbc=True)
    contact = closest_contact(atoms)
    assert contact.pair == ("Li2", "Li3")  # 2.05 / 2.56 = 0.80, while Li–S has 2.0 / 2.33 = 0.86
    assert contact.factor == pytest.approx(2.05 / 2.56)
    assert closest_contact(atoms, 0.7) is None


def test_atoms_on_one_point_are_in_contact():
    contact = closest_contact(Atoms("LiS", [[1, 1, 1], [1, 1, 1]], cell=[9, 9, 9], pbc=True))
    assert (contact.pair, contact.distance, contact.factor) == (("Li0", "S1"), 0.0, 0.0)


def test_shortest_distances_are_those_of_each_pair_of_elements_through_the_boundary():
    atoms = Atoms("SLiLi", [[0.5, 0, 0], [11.0, 0, 0], [3.5, 0, 0]], cell=[12, 12, 12], pbc=True)
    assert shortest_distances(atoms, 4.0) == pytest.approx({"Li-S": 1.5})  # 12 - 11 + 0.5; Li–Li are 4.5 apart
    assert shortest_distances(atoms, 5.0) == pytest.approx({"Li-S": 1.5, "Li-Li": 4.5})
    assert shortest_distances(Atoms("Li"), 5.0) == {}
