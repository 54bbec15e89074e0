import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_committee, attach_labels, committee_of, drop_committee
from aiida_elyte.science.learning.novelty import measure_distances
from aiida_elyte.science.learning.observations import Features, Observations, features_of, observe
from tests.science.learning.synthetic_errors import draw


def sampled(n=3):
    frames = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
        frame.positions += rng.normal(0, 0.1, frame.positions.shape)
        frame.info["origin"] = f"r0#{seed}"
        attach_committee(frame, np.full((8, 3), 0.1), np.linspace(0.1, 0.8, 8))
        frames.append(frame)
    return frames


def label(frame):
    """What a labeller gives back: the geometry, another image of some atoms, and forces of (3, 4, 0) off by that."""
    bare = drop_committee(frame.copy())
    bare.positions[0] += bare.cell[1]
    return attach_labels(bare, energy=-1.0, forces=np.add(0.1, [[3.0, 4.0, 0.0]] * 8))


def test_errors_are_the_lengths_of_the_differences_of_the_forces():
    given = sampled()
    found = observe([label(given[2]), label(given[0])], given, given[:1])
    np.testing.assert_allclose(found.errors_eV_A, np.full(16, 5.0))
    np.testing.assert_allclose(found.spreads_eV_A, np.tile(np.linspace(0.1, 0.8, 8), 2))
    assert found.frames.tolist() == [0] * 8 + [1] * 8
    np.testing.assert_allclose(found.distances[8:], 0.0, atol=1e-6)
    assert (found.distances[:8] > 0).all()


def test_frames_that_were_moved_or_carried_no_committee_are_left_out():
    given = sampled()
    heated, strange, bare = label(given[0]), label(given[1]), label(given[2])
    heated = attach_labels(heated.copy(), energy=0.0, forces=np.zeros((8, 3)))
    heated.positions[3] += 0.05
    strange.info["origin"] = "r7#1"
    drop_committee(given[2])
    assert (
        observe([attach_labels(heated, energy=0.0, forces=np.zeros((8, 3))), strange, bare], given, given).n_frames == 0
    )
    with pytest.raises(InputError, match="frame 2 has no forces_spread_eV_A; expected the committee spread of each"):
        features_of(given, measure_distances(given, given))


def test_rounds_are_pooled_as_far_as_they_are_new():
    rng = np.random.default_rng(0)
    first, second, third = (draw(n, rng) for n in (3, 4, 5))
    both = Observations.none().pooled(first, 2).pooled(second, 2)
    assert both.n_frames == 7
    assert set(both.rounds.tolist()) == {1, 2}
    newest = both.pooled(third, 2)
    assert newest.n_frames == 9
    np.testing.assert_array_equal(newest.errors_eV_A, np.concatenate([second.errors_eV_A, third.errors_eV_A]))
    np.testing.assert_array_equal(np.unique(newest.frames), np.arange(9))
    assert newest.pooled(Observations.none(), 2).n_frames == 9


def test_arrays_keep_the_observations():
    given = draw(3, np.random.default_rng(0))
    back = Observations.from_arrays(given.to_arrays())
    np.testing.assert_allclose(back.errors_eV_A, given.errors_eV_A, rtol=1e-6)
    np.testing.assert_array_equal(back.frames, given.frames)
    assert Observations.from_arrays(Observations.none().to_arrays()).n_frames == 0


def test_the_mean_over_a_frame_does_not_know_the_others():
    given = Features(np.full(3, 3), np.ones(3), np.ones(3), np.array([0, 0, 1]))
    np.testing.assert_allclose(given.mean_over_frames(np.array([1.0, 3.0, 7.0])), [2.0, 7.0])


@pytest.mark.parametrize(("spreads", "message"), [(np.ones(2), "has shape"), (np.array([1, np.nan, 1]), "not finite")])
def test_features_are_one_finite_number_an_atom(spreads, message):
    with pytest.raises(InputError, match=message):
        Features(np.full(3, 3), spreads, np.ones(3), np.zeros(3, int))


def test_the_committee_of_the_sampled_frame_stays():
    given = sampled(1)
    observe([label(given[0])], given, given)
    assert committee_of(given[0]) is not None
