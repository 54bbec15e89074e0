import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.science.learning.diversity import embed_frames, pick_by_cluster, pick_farthest, select_farthest


def frames(n, width=0.05, a=5.13, first=0):
    found = []
    for seed in range(first, first + n):
        frame = bulk("LiCl", "rocksalt", a=a, cubic=True)
        frame.positions += np.random.default_rng(seed).normal(0, width, frame.positions.shape)
        found.append(frame)
    return found


def groups():
    """Frames of three densities, five of each, by turns."""
    each = [frames(5, a=a, first=10 * place) for place, a in enumerate((4.6, 5.1, 5.7))]
    return [frame for together in zip(*each, strict=True) for frame in together]


def test_farthest_points_on_a_line():
    line = np.array([[0.0], [1.0], [2.0], [10.0]])
    assert select_farthest(line, 3, np.zeros((0, 1))) == [0, 3, 2]
    assert select_farthest(line, 4, np.array([[10.0]])) == [0, 2, 1]  # 3 is known; 2 lies farther from 0 than 1
    assert select_farthest(line, 2, np.array([[0.0], [10.0]])) == [2, 1]


def test_features_of_different_size_count_alike():
    points = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1e-3], [1000.0, 1e-3]])
    assert set(select_farthest(points, 2, np.zeros((0, 2)))) == {0, 3}


def test_like_frames_lie_together_on_the_map():
    points = embed_frames(groups())
    assert points.shape == (15, 2)
    kind = np.tile([0, 1, 2], 5)
    centres = np.array([points[kind == each].mean(axis=0) for each in range(3)])
    own = np.linalg.norm(points - centres[kind], axis=1).max()
    apart = min(np.linalg.norm(centres[a] - centres[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert apart > 3 * own


def test_the_map_does_not_know_place_and_order_of_atoms():
    given = frames(6, 0.2)
    moved = [frame[np.random.default_rng(1).permutation(8)] for frame in given]
    for frame in moved:
        frame.positions += [0.7, -3.0, 11.0]
    np.testing.assert_allclose(embed_frames(moved), embed_frames(given), atol=1e-6)


def test_distances_on_a_full_map_are_those_of_the_similarity():
    given = frames(5, 0.3)
    points = embed_frames(given, 4)  # five points fill four dimensions
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    # D² in the space of a Gaussian kernel is 2 - 2 K: below 2, and largest for the frames least alike
    assert squares.max() < 2.0
    assert (squares[~np.eye(5, dtype=bool)] > 0.1).all()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_or_equal_frames_are_on_the_map(n):
    same = frames(1) * n
    assert embed_frames(same).shape == (n, 2)
    assert (embed_frames(same) == 0).all()
    assert pick_by_cluster(same, 3) == [0][:n]


def test_one_frame_of_each_cluster_is_picked_the_first():
    assert pick_by_cluster(groups(), 3) == [0, 1, 2]
    assert len(pick_by_cluster(frames(8, 0.3), 5)) == 5
    assert len(pick_by_cluster(frames(3, 0.3), 5)) == 3


def test_picked_frames_keep_away_from_known_ones():
    calm, wild = frames(5, 0.02), frames(5, 0.4, first=20)
    assert set(pick_farthest([*calm, *wild], 5, frames(3, 0.02, first=50))) == set(range(5, 10))
    assert pick_farthest([], 3, calm) == []
