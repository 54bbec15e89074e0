import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.selection import select_by_spread, select_farthest


def rng(seed=0):
    return np.random.default_rng(seed)


def frames(n, width=0.2):
    found = []
    for seed in range(n):
        frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
        frame.positions += rng(seed).normal(0, width, frame.positions.shape)
        found.append(frame)
    return found


def test_certain_frames_are_never_selected():
    spreads = np.array([0.1, 0.5, 0.3, 0.31, 0.9])
    chosen = select_by_spread(frames(5), spreads, 5, rng(), threshold_eV_A=0.3, pool_fraction=1.0)
    assert set(chosen) == {1, 3, 4}
    assert select_by_spread(frames(5), spreads, 5, rng(), threshold_eV_A=1.0) == []
    assert select_by_spread([], np.zeros(0), 5, rng()) == []


def test_without_known_frames_the_most_uncertain_comes_first():
    spreads = np.array([0.1, 0.5, 0.3, 0.31, 0.9])
    assert select_by_spread(frames(5), spreads, 3, rng())[0] == 4


def test_at_most_n_from_the_top_of_the_ranking():
    spreads = np.arange(20.0)
    chosen = select_by_spread(frames(20), spreads, 4, rng(), pool_fraction=0.5, threshold_eV_A=-1)
    assert len(chosen) == len(set(chosen)) == 4
    assert min(chosen) >= 10


def test_duplicates_and_known_frames_are_not_paid_for_again():
    three = frames(3)
    chosen = select_by_spread([three[0], three[0].copy(), three[1], three[2]], np.ones(4), 4, rng(), known=[three[2]])
    assert len(chosen) == 2
    assert 3 not in chosen
    assert 2 in chosen


def test_diversity_keeps_away_from_the_training_set():
    calm, wild = frames(6, width=0.02), frames(6, width=0.4)
    mixed = [*calm, *wild]
    chosen = select_by_spread(mixed, np.ones(12), 6, rng(), known=frames(3, width=0.02), pool_fraction=1.0)
    assert set(chosen) == set(range(6, 12))


def test_same_rng_same_choice_and_ties_are_drawn():
    many = frames(12)
    spreads = np.ones(12)
    assert select_by_spread(many, spreads, 3, rng(5)) == select_by_spread(many, spreads, 3, rng(5))
    assert len({select_by_spread(many, spreads, 1, rng(seed))[0] for seed in range(10)}) > 1


def test_farthest_points_on_a_line():
    line = np.array([[0.0], [1.0], [2.0], [10.0]])
    assert select_farthest(line, 3, np.zeros((0, 1))) == [0, 3, 2]
    assert select_farthest(line, 4, np.array([[10.0]])) == [0, 2, 1]  # 3 is known; 2 lies farther from 0 than 1
    assert select_farthest(line, 2, np.array([[0.0], [10.0]])) == [2, 1]


def test_features_of_different_size_count_alike():
    points = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1e-3], [1000.0, 1e-3]])
    assert set(select_farthest(points, 2, np.zeros((0, 2)))) == {0, 3}


@pytest.mark.parametrize(
    ("spreads", "n_select", "settings", "message"),
    [
        ([0.1, 0.2], 1, {}, "one spread a frame"),
        ([0.1, np.nan, 0.2], 1, {}, "not finite"),
        ([0.1, 0.1, 0.2], 0, {}, "n_select is 0"),
        ([0.1, 0.1, 0.2], 1, {"pool_fraction": 0}, "pool_fraction is 0"),
    ],
)
def test_bad_input_is_refused(spreads, n_select, settings, message):
    with pytest.raises(InputError, match=message):
        select_by_spread(frames(3), np.array(spreads), n_select, rng(), **settings)
