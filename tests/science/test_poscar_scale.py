"""The scale line of a POSCAR: one factor, a volume, or a factor for each axis."""

import numpy as np
import pytest

from aiida_elyte.science.crystal_files.poscar import read_poscar
from aiida_elyte.science.poscar_scale import axis_factors
from aiida_elyte.science.trajectory.xdatcar import read_poscar_head

VECTORS = np.array([[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 4.0]])
LINES = ["2.0 0.0 0.0", "1.0 3.0 0.0", "0.0 0.0 4.0"]


def test_three_numbers_scale_the_axes_and_not_the_vectors():
    expected = [[3.0, 0.0, 0.0], [1.5, 6.0, 0.0], [0.0, 0.0, 10.0]]  # columns times 1.5, 2, 2.5
    vectors, symbols, counts = read_poscar_head(["1.5 2.0 2.5", *LINES, "Li", "1"])
    np.testing.assert_allclose(vectors, expected)
    assert (symbols, counts) == (["Li"], [1])
    content = "\n".join(["title", "1.5 2.0 2.5", *LINES, "Li", "1", "Cartesian", "1.0 1.0 1.0", ""]).encode()
    atoms = read_poscar(content).atoms
    np.testing.assert_allclose(atoms.cell.array, expected)
    np.testing.assert_allclose(atoms.positions, [[1.5, 2.0, 2.5]])


def test_a_negative_number_is_the_volume():
    factors = axis_factors("-192.0", VECTORS)  # 24 Å³ as the vectors stand, 8 times that
    np.testing.assert_allclose(factors, [2.0, 2.0, 2.0])


def test_words_after_the_number_are_a_comment():
    np.testing.assert_array_equal(axis_factors("1.5 scale 3", VECTORS), [1.5, 1.5, 1.5])


@pytest.mark.parametrize("line", ["", "Li", "0", "1 -1 1", "nan", "inf"])
def test_other_scales_are_rejected(line):
    with pytest.raises(ValueError, match="expected one number other than 0, or three positive ones"):
        axis_factors(line, VECTORS)


def test_a_volume_of_vectors_that_span_none_is_rejected():
    with pytest.raises(ValueError, match="vectors span none"):
        axis_factors("-8", np.ones((3, 3)))
