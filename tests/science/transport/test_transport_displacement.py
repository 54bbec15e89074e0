import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.transport.displacement import displacements_in_frame, mean_squared_displacement
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
    np.testing.assert_allclose(
        displacements_in_frame(moving, "Li", reference_of(moving, {"Li"})), series.displacements_A, atol=1e-4
    )


def test_species_that_are_not_followed_are_refused():
    series = brownian(np.random.default_rng(2), 3, 2, 1e-3, 10.0)
    with pytest.raises(InputError, match="follows no particle of S"):
        displacements_in_frame(series, "S", reference_of(series, {"Li"}))
