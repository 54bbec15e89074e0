import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.transport.displacement import mean_squared_displacement, tracer_chunks
from aiida_elyte.science.transport.references import reference_of
from aiida_elyte.science.transport.synthetic import brownian, series_of


def _naive(positions):
    return np.array(
        [np.mean(np.sum((positions[k:] - positions[: len(positions) - k]) ** 2, axis=2)) for k in range(len(positions))]
    )


@pytest.mark.parametrize("n_times", [1, 2, 31, 64])
@pytest.mark.parametrize("n_ions", [1, 3, 130])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fourier_equals_the_double_loop(n_times, n_ions, dtype):
    walk = np.cumsum(np.random.default_rng(0).normal(size=(n_times, n_ions, 3)), axis=0).astype(dtype)
    np.testing.assert_allclose(mean_squared_displacement(walk), _naive(walk.astype(float)), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(mean_squared_displacement(walk, 1), _naive(walk.astype(float))[:2], rtol=1e-9, atol=1e-9)


def test_uniform_motion_is_ballistic():
    time = np.arange(50.0)
    walk = (time[:, None] * [0.3, 0.0, 0.4])[:, None] + 1e4  # speed 0.5 far from the origin
    np.testing.assert_allclose(mean_squared_displacement(walk), 0.25 * time**2, rtol=1e-6, atol=1e-8)


def test_drift_of_the_framework_is_removed():
    rng = np.random.default_rng(1)
    series = brownian(rng, 100, 5, 1e-3, 10.0)
    drift = np.cumsum(rng.normal(size=(100, 3)), axis=0)
    drift -= drift[0]
    moving = series_of(series.displacements_A.astype(float) + drift[:, None], 10.0)
    moving.collective_A[:, 1] += 8 * drift  # all eight framework atoms
    (_, moved), *others = tracer_chunks(moving, "Li", reference_of(moving, {"Li"}))
    assert not others
    np.testing.assert_allclose(moved, series.displacements_A, atol=1e-4)


def test_chunks_deal_the_particles_to_groups_by_turns():
    walk = np.random.default_rng(3).normal(size=(3000, 50, 3))
    series = series_of(walk, 10.0)
    found = [[] for _ in range(3)]
    for group, moved in tracer_chunks(series, "Li", reference_of(series, {"Li"}), 3):
        assert moved.shape[1] <= 22  # 200 000 numbers
        found[group].append(moved)
    for group, parts in enumerate(found):
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), walk[:, group::3].astype(np.float32))


def test_species_that_are_not_followed_are_refused():
    series = brownian(np.random.default_rng(2), 3, 2, 1e-3, 10.0)
    with pytest.raises(InputError, match="follows no particle of S"):
        list(tracer_chunks(series, "S", reference_of(series, {"Li"})))
