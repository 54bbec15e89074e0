from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.transport.synthetic import brownian, caged, caged_then_diffusive, correlated_pairs
from aiida_elyte.science.transport.windows import msd_curve, usable_series


def _replicas(make, *arguments, n_replicas=3, seed=0):
    rng = np.random.default_rng(seed)
    return [make(rng, *arguments, replica=f"r{k}") for k in range(n_replicas)]


def test_brownian_ions_diffuse_from_the_first_lag():
    curve = msd_curve(_replicas(brownian, 200, 20, 1e-4, 50.0), "Li")
    assert curve.window is not None
    assert curve.window.start_fs <= 100.0
    assert curve.lag_fs[-1] == 99 * 50.0  # half of 199 steps
    assert curve.window.end_fs <= 199 / 3 * 50.0
    assert curve.reason == ""
    # MSD(t) = 6 D t
    np.testing.assert_allclose(curve.msd_A2[:8], 6e-4 * curve.lag_fs[:8], rtol=0.1)
    np.testing.assert_allclose(curve.slope[3:8], 1.0, atol=0.15)


def test_pairs_that_move_as_one_diffuse_too():
    assert msd_curve(_replicas(correlated_pairs, 400, 40, 1e-4, 50.0), "Li").window is not None


@pytest.mark.parametrize("relaxation_fs", [20.0, 200.0, 1500.0])
def test_caged_ions_are_never_called_diffusive(relaxation_fs):
    for seed in range(8):
        curve = msd_curve(_replicas(caged, 200, 20, 0.5, relaxation_fs, 50.0, seed=seed), "Li")
        assert curve.window is None
        assert "Li is not diffusive: the log–log slope of its MSD is" in curve.reason


def test_the_window_opens_when_the_cage_is_left():
    # MSD = 6 D t + 6 a² (1 - exp(-t/τ)): slope 0.9 where 6 D t = 9 × 6 a², t = 9 a²/D = 1440 fs
    curve = msd_curve(_replicas(caged_then_diffusive, 1600, 60, 1e-3, 0.4, 50.0, 10.0), "Li")
    assert curve.window is not None
    assert 600.0 < curve.window.start_fs < 2000.0


def test_the_crossing_from_ballistic_to_caged_opens_no_window():
    time = np.arange(400) * 5.0
    rng = np.random.default_rng(3)
    phases, frequencies = rng.uniform(0, 2 * np.pi, (2, 30, 3))
    rattle = 0.3 * np.sin(0.05 * (1 + frequencies) * time[:, None, None] + phases)
    series = brownian(rng, 400, 30, 1e-9, 5.0)
    series = replace(series, displacements_A=(rattle - rattle[0]).astype(np.float32))
    assert msd_curve([series], "Li").window is None


def test_ions_at_rest_and_short_series_are_refused_with_the_reason():
    assert "does not move at all" in msd_curve(_replicas(brownian, 100, 5, 0.0, 50.0), "Li").reason
    assert "only 4 lags" in msd_curve(_replicas(brownian, 9, 5, 1e-4, 50.0), "Li").reason
    assert "one Li ion in one replica" in msd_curve(_replicas(brownian, 99, 1, 1e-4, 50.0, n_replicas=1), "Li").reason
    assert "only 1 lags" in msd_curve(_replicas(brownian, 2, 5, 1e-4, 50.0), "Li").reason


def test_replicas_are_brought_to_one_step_and_short_ones_left_out():
    rng = np.random.default_rng(4)
    series = [
        brownian(rng, n, 4, 1e-4, step, replica=f"r{k}")
        for k, (n, step) in enumerate([(101, 50.0), (101, 100.0), (40, 50.0)])
    ]
    kept = usable_series(series)
    assert [(one.replica, one.interval_fs, len(one.time_fs)) for one in kept] == [("r0", 100.0, 51), ("r1", 100.0, 101)]


def test_series_that_do_not_belong_together_are_refused():
    rng = np.random.default_rng(5)
    good = brownian(rng, 50, 4, 1e-4, 50.0)
    with pytest.raises(InputError, match="series is empty"):
        usable_series([])
    with pytest.raises(InputError, match="series r0 holds 1 sample; expected at least two"):
        usable_series([brownian(rng, 1, 4, 1e-4, 50.0)])
    with pytest.raises(InputError, match="other atoms"):
        usable_series([good, brownian(rng, 50, 5, 1e-4, 50.0, replica="r1")])
    with pytest.raises(InputError, match="multiples of one step"):
        usable_series([good, brownian(rng, 50, 4, 1e-4, 70.0, replica="r1")])


def test_replica_that_stopped_before_its_production_is_left_out():
    rng = np.random.default_rng(0)
    good = brownian(rng, 50, 5, 1e-4, 50.0)
    empty = replace(good, **{name: getattr(good, name)[:0] for name in ("time_fs", "collective_A", "displacements_A")})
    assert usable_series([empty, good]) == [good]
