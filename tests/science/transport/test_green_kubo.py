"""Green–Kubo on velocities that decay exponentially: σ = N e² D / V k T exactly."""

import numpy as np
import pytest

from aiida_elyte.science.transport.estimates import Estimate, Refusal, estimate_transport
from aiida_elyte.science.transport.green_kubo import autocorrelation, green_kubo
from aiida_elyte.science.transport.references import reference_of
from aiida_elyte.science.transport.synthetic import ballistic_then_diffusive, brownian
from aiida_elyte.units import BOLTZMANN_EV_K, MS_CM

TRUTH = 20 * 1e-3 / (1000.0 * BOLTZMANN_EV_K * 600.0) * MS_CM


def _runs(seed, n=3, n_times=2000, relaxation_fs=60.0, interval_fs=10.0):
    rng = np.random.default_rng(seed)
    return [
        ballistic_then_diffusive(rng, n_times, 20, 1e-3, relaxation_fs, interval_fs, replica=f"r{k}") for k in range(n)
    ]


@pytest.mark.parametrize("n", [1, 6, 7])
def test_autocorrelation_equals_the_sum(n):
    x = np.random.default_rng(0).normal(size=(7, 3))
    naive = [np.mean([x[t] @ x[t + k] for t in range(7 - k)]) for k in range(n)]
    np.testing.assert_allclose(autocorrelation(x, n), naive, atol=1e-12)


def test_integral_rises_like_that_of_an_exponential_and_ends_at_the_conductivity():
    series = _runs(1, n=8)
    found = green_kubo(series, {"Li": 1.0}, reference_of(series[0], {"Li"}), 600.0, 500.0, "note")
    assert found.correlation[6] == pytest.approx(np.exp(-1), abs=0.1)
    at_relaxation = found.integral[6]
    assert at_relaxation == pytest.approx(TRUTH * (1 - np.exp(-1)), rel=0.1)
    assert found.conductivity.value == pytest.approx(TRUTH, rel=0.2)


def test_intervals_hold_the_truth_and_agree_with_einstein():
    hits, agreements = [], []
    for seed in range(60):
        found = estimate_transport(_runs(seed), {"Li": 1.0}, 600.0)["conductivity_green_kubo"]
        if isinstance(found, Estimate):
            hits.append(found.ci95[0] <= TRUTH <= found.ci95[1])
            agreements.append("; agrees with Einstein" in found.method)
    assert len(hits) >= 57
    assert np.mean(hits) >= 0.86  # 60 repetitions: 0.95 ± 0.03
    assert np.mean(agreements) >= 0.9


def test_velocities_too_far_apart_are_refused():
    found = estimate_transport(_runs(2, interval_fs=100.0, relaxation_fs=60.0), {"Li": 1.0}, 600.0)
    assert "too far apart" in found["conductivity_green_kubo"].reason


def test_no_velocities_no_integral():
    series = [brownian(np.random.default_rng(3), 400, 20, 1e-4, 50.0)]
    assert "conductivity_green_kubo" not in estimate_transport(series, {"Li": 1.0}, 600.0)
    found = green_kubo(series, {"Li": 1.0}, reference_of(series[0], {"Li"}), 600.0, 500.0, "note")
    assert isinstance(found, Refusal)
    assert "no velocities" in found.reason


def test_short_runs_are_refused():
    series = _runs(4, n=1, n_times=60)
    found = green_kubo(series, {"Li": 1.0}, reference_of(series[0], {"Li"}), 600.0, 400.0, "note")
    assert isinstance(found, Refusal)
