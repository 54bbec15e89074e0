"""Weights of labels."""

import numpy as np
import pytest

from aiida_elyte.science.potentials.weights import weigh_forces


def test_ordinary_forces_count_fully_and_the_square_of_a_large_one_is_bounded():
    forces = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 10.0], [0.0, -40.0, 30.0], [0.0, 0.0, 0.0]])
    weights = weigh_forces(forces, 10.0)
    assert weights == pytest.approx([1, 1, 0.04, 1])
    assert (weights * (forces**2).sum(1)).max() == pytest.approx(100)
    assert weigh_forces(forces, None) == pytest.approx(np.ones(4))
