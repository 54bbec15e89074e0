"""Supercells by their shortest width."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.supercell import choose_supercell, perpendicular_widths, without_choice

FCC = bulk("LiCl", "rocksalt", a=5.14)
"""Its primitive cell leans: faces are a/√3 = 2.97 Å apart, vectors are a/√2 = 3.63 Å long."""


def test_widths_of_a_leaning_cell_are_shorter_than_its_vectors():
    np.testing.assert_allclose(perpendicular_widths(FCC.cell.array), 5.14 / np.sqrt(3))
    np.testing.assert_allclose(perpendicular_widths(np.diag([3.0, 4.0, 5.0])), [3.0, 4.0, 5.0])


def test_no_atom_of_a_supercell_chosen_is_nearer_than_asked_to_an_image_of_itself():
    for cell in (FCC.cell.array, [[8.7, 0, 0], [-4.3, 7.6, 0], [1.0, 2.0, 12.6]], np.diag([8.7, 8.7, 12.6])):
        crystal = Atoms("Li", cell=cell, pbc=True)
        found = choose_supercell(crystal, "auto", 5.0)
        vectors = np.diag(found.repeats) @ crystal.cell.array
        steps = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3), axis=-1).reshape(-1, 3)
        lengths = np.linalg.norm(steps[(steps != 0).any(axis=1)] @ vectors, axis=1)
        assert lengths.min() >= found.width_A >= 15.0


def test_each_vector_is_repeated_as_often_as_it_takes_and_no_more():
    # 8.7 Å twice are 17.4 Å; 12.6 Å twice; 15 Å once
    found = choose_supercell(Atoms("Li", cell=[8.7, 12.6, 15.0], pbc=True), "auto", 5.0)
    assert (found.repeats, found.n_atoms) == ((2, 2, 1), 4)
    assert found.width_A == pytest.approx(15.0)


def test_a_long_cutoff_asks_for_twice_itself():
    found = choose_supercell(Atoms("Li", cell=[10.0] * 3, pbc=True), "auto", 11.0)
    assert found.repeats == (3, 3, 3)
    assert "at least 22 Å" in found.reason


def test_repeats_given_are_kept_and_what_they_lack_is_said():
    found = choose_supercell(FCC, [1, 2, 3], 4.0)
    assert found.repeats == (1, 2, 3)
    assert found.reason == "as given; 3.0 Å wide, below 15 Å: ions see their own images"
    assert choose_supercell(FCC, [6, 6, 6], 4.0).reason == "as given"


def test_more_atoms_than_allowed_are_rejected_with_what_to_do():
    with pytest.raises(InputError, match=r"takes 6 × 6 × 6 cells, 432 atoms; expected 400 at most; raise max_atoms"):
        choose_supercell(FCC, "auto", 5.0, max_atoms=400)
    assert choose_supercell(FCC, [6, 6, 6], 5.0, max_atoms=400).n_atoms == 432


def test_conditions_without_the_choice_keep_repeats_that_were_given():
    assert without_choice({"n_steps": 5, "supercell": "auto", "max_atoms": 9}) == {"n_steps": 5}
    assert without_choice({"supercell": [1, 2, 3], "max_atoms": 9}) == {"supercell": [1, 2, 3]}
