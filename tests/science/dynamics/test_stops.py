import numpy as np
import pytest

from aiida_elyte.science.dynamics.stops import find_collision, framework_rmsd


def test_nearest_pair_is_found_through_the_cell_wall():
    cell = np.diag([10.0, 10.0, 10.0])
    positions = np.array([[0.1, 5, 5], [9.6, 5, 5], [5, 5, 5]])
    numbers = np.array([3, 16, 16])
    # radii: Li 1.28, S 1.05; half their sum is 1.165 Å
    message = find_collision(numbers, positions, cell, 0.5)
    assert message == "Li0 and S1 are 0.50 Å apart; the limit is 1.17 Å"
    assert find_collision(numbers, positions, cell, 0.2) is None


def test_a_lone_pair_beyond_the_limit_is_no_collision():
    assert find_collision(np.array([1, 1]), np.array([[0, 0, 0], [0, 0, 0.75]]), np.eye(3) * 20, 0.5) is None


def test_rmsd_ignores_drift_and_the_motion_of_the_cell():
    rng = np.random.default_rng(0)
    cell = np.array([[5.0, 0, 0], [1, 6, 0], [0, 2, 7]])
    start = rng.random((6, 3)) @ cell
    assert framework_rmsd(1.02 * start + 3.0, 1.02 * cell, start, cell) == pytest.approx(0.0, abs=1e-12)


def test_rmsd_of_known_moves():
    start = np.zeros((4, 3))
    moves = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0]])
    assert framework_rmsd(start + moves, np.eye(3), start, np.eye(3)) == pytest.approx(1.0)
