import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.contracts.selector import SelectorContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_committee
from aiida_elyte.science.learning.calibration import CalibrationSettings, uncalibrated
from aiida_elyte.science.learning.selection import AtRandom, ByCalibration, ByNovelty, BySpread, Candidates


class TestBySpread(SelectorContract):
    @pytest.fixture
    def selector(self):
        return BySpread(threshold_eV_A=0.2)


class TestByCalibration(SelectorContract):
    @pytest.fixture(params=["farthest", "clusters"])
    def selector(self, request):
        return ByCalibration(tolerance_eV_A=0.3, diversity=request.param)


class TestByNovelty(SelectorContract):
    @pytest.fixture
    def selector(self):
        return ByNovelty()


class TestAtRandom(SelectorContract):
    @pytest.fixture
    def selector(self):
        return AtRandom()


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


def test_a_spread_above_the_threshold_is_uncertain():
    spreads = np.array([0.1, 0.3, 0.31])
    uncertain = BySpread(threshold_eV_A=0.3).are_uncertain(Candidates(frames(3), spreads))
    assert uncertain.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("spreads", "message"), [([0.1, 0.2], "one value for each frame"), ([0.1, np.nan, 0.2], "not finite")]
)
def test_candidates_have_one_finite_number_each(spreads, message):
    with pytest.raises(InputError, match=f"spreads_eV_A .*{message}"):
        Candidates(frames(3), np.array(spreads))


def with_spread(frame, spread):
    """The frame with the same spread on each of its atoms."""
    attach_committee(frame, np.zeros((len(frame), 3)), np.full(len(frame), spread))
    return frame


def calibrated(given, factor=3.0, known=(), **info):
    model = uncalibrated(CalibrationSettings(default_factor=factor), "nothing is fitted here")
    spreads = np.array([frame.arrays["forces_spread_eV_A"].max() for frame in given])
    return Candidates(given, spreads, known, model)


def test_frames_are_bought_by_the_probability_of_an_error_above_the_tolerance():
    # a spread of 0.1 is an error of 0.3 within a factor e^0.7: above 0.3 as often as not, above 0.6 with P(z > 0.99)
    one = calibrated([with_spread(frame, 0.1) for frame in frames(3, 0.3)], known=frames(2, 0.02))
    np.testing.assert_allclose(ByCalibration(0.3).probabilities(one), 0.5, atol=1e-3)
    np.testing.assert_allclose(ByCalibration(0.6).probabilities(one), 0.161, atol=1e-3)
    assert ByCalibration(0.5).select(one, 5, rng()) != []
    assert ByCalibration(0.6).select(one, 5, rng()) == []
    assert ByCalibration(0.6, least_probability=0.1).select(one, 5, rng()) != []
    assert ByCalibration(0.6).explain(one, []) == ["certain enough"] * 3


def test_one_odd_atom_does_not_make_a_frame_uncertain():
    (frame,) = frames(1, 0.3)
    attach_committee(frame, np.zeros((8, 3)), np.array([0.3, *np.zeros(7)]))
    given = Candidates([frame], np.array([0.3]), frames(2, 0.02), calibrated([frame]).calibration)
    assert given.scales_eV_A[0] == pytest.approx(3 * 0.3 / np.sqrt(8), rel=1e-3)
    assert not ByCalibration(0.7).are_uncertain(given)[0]
    assert BySpread(0.2).are_uncertain(given)[0]


def test_a_frame_like_the_data_is_bought_only_if_it_is_likely_wrong():
    known = frames(6)
    twin = known[2].copy()
    twin.positions += 0.01
    given = calibrated([with_spread(twin, 0.08), with_spread(frames(9, 0.5)[-1], 0.08)], known=known)
    assert given.distances[0] < 1 < given.distances[1]
    selector = ByCalibration(0.3)
    assert selector.probabilities(given)[0] == pytest.approx(0.375, abs=0.01)  # 0.24 expected
    assert selector.are_uncertain(given).tolist() == [False, True]
    assert selector.select(given, 2, rng()) == [1]
    assert selector.explain(given, [1]) == ["like the data", "bought"]
    sure = calibrated([with_spread(twin, 0.3)], known=known)
    assert selector.are_uncertain(sure).tolist() == [True]


@pytest.mark.parametrize("selector", [ByCalibration(0.3), BySpread(0.2)])
def test_a_frame_that_failed_the_qualification_is_bought_though_the_committee_agrees(selector):
    sure = [with_spread(frame, 0.001) for frame in frames(3, 0.3)]
    assert selector.select(calibrated(sure, known=frames(2, 0.02)), 2, rng()) == []
    sure[1].info["failed_test"] = "shortest_distance"
    given = calibrated(sure, known=frames(2, 0.02))
    assert selector.select(given, 2, rng()) == [1]
    assert selector.explain(given, [1]) == ["certain enough", "bought", "certain enough"]


def test_without_calibration_the_spread_is_multiplied_and_this_is_said():
    given = Candidates([with_spread(frame, 0.2) for frame in frames(2)], np.full(2, 0.2))
    np.testing.assert_allclose(given.scales_eV_A, 0.5, rtol=1e-4)
    assert given.fallback == (
        "no label of an earlier round has calibrated the spread: errors are taken as 2.5 times the committee spread"
    )


def test_without_the_spread_of_the_atoms_the_mean_of_the_frame_stands_for_it():
    given = frames(2)
    given[0].info["spread_mean_eV_A"] = 0.1
    candidates = Candidates(given, np.array([0.5, 0.3]))
    np.testing.assert_allclose(candidates.scales_eV_A, [0.25, 0.75])
    assert "2 of 2 frames have no committee spread of their atoms" in candidates.fallback


def test_frames_with_and_without_the_spread_of_their_atoms_are_judged_side_by_side():
    given = [with_spread(frame, 0.2) for frame in frames(2)]
    given.append(frames(3)[-1])
    candidates = Candidates(given, np.array([0.2, 0.2, 0.3]))
    np.testing.assert_allclose(candidates.scales_eV_A, [0.5, 0.5, 0.75], rtol=1e-4)
    assert "1 of 3 frames have no committee spread" in candidates.fallback


def test_novelty_buys_what_is_far_from_the_data_and_knows_no_spread():
    calm, wild = frames(4, 0.02), frames(12, 0.5)[8:]
    given = Candidates([*calm, *wild], np.array([*np.ones(4), *np.zeros(4)]), frames(8, 0.05)[4:])
    assert set(ByNovelty().select(given, 4, rng())) == {4, 5, 6, 7}
    assert ByNovelty().probabilities(given) is None


def test_chance_alone_decides_at_random():
    given = Candidates(frames(10), np.arange(10.0))
    drawn = [AtRandom().select(given, 1, rng(seed))[0] for seed in range(300)]
    counts = np.bincount(drawn, minlength=10)
    assert ((counts - 30) ** 2 / 30).sum() < 27.9  # χ² of 9 degrees of freedom, 99.9 %


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tolerance_eV_A": 0}, "tolerance_eV_A is 0; expected a positive number"),
        ({"least_probability": 2}, "least_probability is 2; expected a number from 0 to 1"),
        ({"diversity": "some"}, "diversity is 'some'; expected 'farthest' or 'clusters'"),
    ],
)
def test_invalid_settings_of_the_calibrated_are_rejected(settings, message):
    with pytest.raises(InputError, match=message):
        ByCalibration(**{"tolerance_eV_A": 0.2, **settings})


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
