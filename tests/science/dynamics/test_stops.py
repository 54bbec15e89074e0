import numpy as np

from aiida_elyte.science.dynamics.stops import find_collision


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
