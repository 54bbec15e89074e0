import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.science.learning.descriptors import describe_atoms
from aiida_elyte.science.learning.novelty import FARTHEST, frame_distances, measure_distances


def frames(n, width=0.1, first=0):
    found = []
    for seed in range(first, first + n):
        frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
        frame.positions += np.random.default_rng(seed).normal(0, width, frame.positions.shape)
        found.append(frame)
    return found


def test_known_frames_are_at_no_distance_and_others_like_them_at_one():
    known = frames(30)
    np.testing.assert_allclose(frame_distances(measure_distances(known[:3], known)), 0.0, atol=1e-5)
    assert frame_distances(measure_distances(frames(30, first=100), known)).mean() == pytest.approx(1.0, abs=0.15)


def test_hotter_frames_are_farther():
    known = frames(20)
    means = [frame_distances(measure_distances(frames(5, width, 50), known)).mean() for width in (0.1, 0.2, 0.4)]
    assert means[0] < means[1] < means[2]


def test_one_atom_too_near_to_another_stands_out():
    known = frames(20)
    (odd,) = frames(1, first=90)
    odd.positions[0] = odd.positions[1] + [1.2, 0, 0]  # 2.57 Å at rest
    (distances,) = measure_distances([odd], known)
    assert set(np.argsort(-distances)[:2]) == {0, 1}
    assert distances[0] > 3


def test_the_distance_is_that_of_a_plain_search():
    known, new = frames(4), frames(1, 0.2, 77)[0]
    points = np.concatenate([describe_atoms(frame, ["Cl", "Li"]) for frame in known])
    lithium = np.tile(known[0].numbers == 3, 4)
    own, origins = points[lithium], np.repeat(np.arange(4), 4)
    deviations = own.std(axis=0)
    width = np.sqrt(deviations**2 + 0.1**2 * np.mean(deviations**2))
    nearest = [
        min(np.linalg.norm((a - b) / width) for b, j in zip(own, origins, strict=True) if i != j)
        for a, i in zip(own, origins, strict=True)
    ]
    scale = np.sqrt(np.mean(np.square(nearest)))
    mine = describe_atoms(new, ["Cl", "Li"])[new.numbers == 3]
    expected = [min(np.linalg.norm((a - b) / width) for b in own) / scale for a in mine]
    np.testing.assert_allclose(measure_distances([new], known)[0][new.numbers == 3], expected, rtol=1e-5)


def test_what_the_data_lack_is_as_far_as_can_be():
    sodium = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    (distances,) = measure_distances([sodium], frames(3))
    assert (distances[sodium.numbers == 11] == FARTHEST).all()
    assert (measure_distances([sodium], [])[0] == FARTHEST).all()
    assert measure_distances([], frames(3)) == []


def test_a_crystal_at_rest_is_no_distance_from_itself():
    rest = frames(1, 0.0)
    np.testing.assert_allclose(measure_distances(rest, rest)[0], 0.0, atol=1e-5)
