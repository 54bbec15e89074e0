"""The bond stretched most, through the faces of the cell and across an interruption."""

import numpy as np
import pytest
from ase.data import covalent_radii

from aiida_elyte.science.trajectory.longest_bond import LongestBond

C_C, C_O = 2 * covalent_radii[6], covalent_radii[6] + covalent_radii[8]
SYMBOLS, BONDS = ("C", "C", "O", "X"), np.array([[0, 1], [1, 2], [2, 3]])
CELL = np.array([[10.0, 0, 0], [4.0, 9.0, 0], [1.0, 2.0, 11.0]])


def frame(first, second):
    """Return positions with a C–C and a C–O bond of these lengths, along x; the last atom is of no element."""
    return np.array([[0.0, 0, 0], [first, 0, 0], [first + second, 0, 0], [5.0, 5, 5]])


def test_the_longest_is_the_one_stretched_most_of_all_frames():
    found = LongestBond(SYMBOLS, BONDS)
    for lengths in ((1.5, 1.4), (1.6, 2.1), (1.9, 1.4)):
        found.add(frame(*lengths), CELL)
    record = found.finish()
    assert record == {
        "n_bonds": 2,
        "stretch": pytest.approx(2.1 / C_O),
        "length_A": pytest.approx(2.1),
        "bond": "C1–O2",
        "frame": 1,
    }
    assert 1.9 / C_C < 2.1 / C_O


def test_wrapped_positions_give_the_same_as_unwrapped_ones():
    whole, wrapped = LongestBond(SYMBOLS, BONDS), LongestBond(SYMBOLS, BONDS)
    positions = frame(1.7, 1.5)
    whole.add(positions, CELL)
    wrapped.add(positions + np.array([[0, 0, 0], [1, -1, 0], [0, 2, 1], [0, 0, 0]]) @ CELL, CELL)
    assert whole.finish()["stretch"] == pytest.approx(wrapped.finish()["stretch"])


def test_an_interrupted_pass_finds_what_an_unbroken_one_finds():
    lengths = [(1.5, 1.4), (2.0, 1.4), (1.6, 1.5), (1.5, 1.6)]
    unbroken, before, after = (LongestBond(SYMBOLS, BONDS) for _ in range(3))
    for one in lengths:
        unbroken.add(frame(*one), CELL)
    for one in lengths[:3]:
        before.add(frame(*one), CELL)
    after.load_state_dict(before.state_dict())
    after.add(frame(*lengths[3]), CELL)
    assert after.finish() == unbroken.finish()
    assert after.finish()["frame"] == 1


def test_without_bonds_there_is_none():
    found = LongestBond(("Li",), np.empty((0, 2), int))
    found.add(np.zeros((1, 3)), CELL)
    assert found.finish() == {"n_bonds": 0, "stretch": None, "length_A": None, "bond": None, "frame": None}
