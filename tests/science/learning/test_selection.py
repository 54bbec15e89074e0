import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.contracts.selector import SelectorContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.selection import BySpread, Candidates, select_farthest


class TestBySpread(SelectorContract):
    @pytest.fixture
    def selector(self):
        return BySpread(threshold_eV_A=0.2)


def rng(seed=0):
    return np.random.default_rng(seed)


def frames(n, width=0.2):
    found = []
    for seed in range(n):
        frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
        frame.positions += rng(seed).normal(0, width, frame.positions.shape)
        found.append(frame)
    return found


def select(candidates, spreads, n_select, rng, known=(), **settings):
    return BySpread(**{"threshold_eV_A": 0.0, **settings}).select(
        Candidates(candidates, np.array(spreads), known), n_select, rng
    )


def test_certain_frames_are_never_selected():
    spreads = np.array([0.1, 0.5, 0.3, 0.31, 0.9])
    chosen = select(frames(5), spreads, 5, rng(), threshold_eV_A=0.3, pool_fraction=1.0)
    assert set(chosen) == {1, 3, 4}
    assert select(frames(5), spreads, 5, rng(), threshold_eV_A=1.0) == []
    assert select([], np.zeros(0), 5, rng()) == []


def test_without_known_frames_the_most_uncertain_comes_first():
    spreads = np.array([0.1, 0.5, 0.3, 0.31, 0.9])
    assert select(frames(5), spreads, 3, rng())[0] == 4


def test_at_most_n_from_the_top_of_the_ranking():
    spreads = np.arange(20.0) + 1
    chosen = select(frames(20), spreads, 4, rng(), pool_fraction=0.5)
    assert len(chosen) == len(set(chosen)) == 4
    assert min(chosen) >= 10


def test_duplicates_and_known_frames_are_not_paid_for_again():
    three = frames(3)
    chosen = select([three[0], three[0].copy(), three[1], three[2]], np.ones(4), 4, rng(), known=[three[2]])
    assert len(chosen) == 2
    assert 3 not in chosen
    assert 2 in chosen


def test_diversity_keeps_away_from_the_training_set():
    calm, wild = frames(6, width=0.02), frames(6, width=0.4)
    mixed = [*calm, *wild]
    chosen = select(mixed, np.ones(12), 6, rng(), known=frames(3, width=0.02), pool_fraction=1.0)
    assert set(chosen) == set(range(6, 12))


def test_same_rng_same_choice_and_ties_are_drawn():
    many = frames(12)
    spreads = np.ones(12)
    assert select(many, spreads, 3, rng(5)) == select(many, spreads, 3, rng(5))
    assert len({select(many, spreads, 1, rng(seed))[0] for seed in range(10)}) > 1


def test_farthest_points_on_a_line():
    line = np.array([[0.0], [1.0], [2.0], [10.0]])
    assert select_farthest(line, 3, np.zeros((0, 1))) == [0, 3, 2]
    assert select_farthest(line, 4, np.array([[10.0]])) == [0, 2, 1]  # 3 is known; 2 lies farther from 0 than 1
    assert select_farthest(line, 2, np.array([[0.0], [10.0]])) == [2, 1]


def test_features_of_different_size_count_alike():
    points = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1e-3], [1000.0, 1e-3]])
    assert set(select_farthest(points, 2, np.zeros((0, 2)))) == {0, 3}


def test_a_spread_above_the_threshold_is_uncertain():
    spreads = np.array([0.1, 0.3, 0.31])
    uncertain = BySpread(threshold_eV_A=0.3).are_uncertain(Candidates(frames(3), spreads))
    assert uncertain.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("spreads", "message"), [([0.1, 0.2], "one value for each frame"), ([0.1, np.nan, 0.2], "not finite")]
)
@pytest.mark.parametrize("name", ["spreads_eV_A", "errors_eV_A"])
def test_candidates_have_one_finite_number_each(name, spreads, message):
    with pytest.raises(InputError, match=f"{name} .*{message}"):
        Candidates(**{"frames": frames(3), "spreads_eV_A": np.ones(3), name: np.array(spreads)})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold_eV_A": -0.1}, "threshold_eV_A is -0.1; expected a positive number"),
        ({"pool_fraction": 0}, "pool_fraction is 0; expected a positive number"),
        ({"pool_fraction": 1.5}, "pool_fraction is 1.5; expected a number above 0 and up to 1"),
        ({"cutoff_A": "far"}, "cutoff_A is 'far'; expected a positive number"),
    ],
)
def test_invalid_settings_are_rejected(settings, message):
    with pytest.raises(InputError, match=message):
        BySpread(**{"threshold_eV_A": 0.1, **settings})
