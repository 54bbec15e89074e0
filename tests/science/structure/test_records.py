from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.records import (
    TimeBlocks,
    correlation_time,
    estimate_mean,
    record_density,
    record_temperature,
)
from aiida_elyte.science.transport.estimates import Estimate, Refusal
from aiida_elyte.science.transport.synthetic import series_of


def _correlated(rng, n, memory, mean=300.0, spread=10.0):
    """Return an Ornstein–Uhlenbeck series: ρ(k) = memory^k, so τ = 1/2 + memory/(1 − memory)."""
    noise = rng.normal(0, spread * np.sqrt(1 - memory**2), n)
    noise[0] = rng.normal(0, spread)
    return mean + lfilter([1.0], [1.0, -memory], noise)


def _series(temperature=None, volume=None):
    n = len(temperature if temperature is not None else volume)
    series = series_of(np.zeros((n, 4, 3)), 50.0)
    changed = {"temperature_K": temperature, "volume_A3": volume}
    return replace(series, **{name: values for name, values in changed.items() if values is not None})


@pytest.mark.parametrize(("memory", "expected"), [(0.0, 0.5), (0.5, 1.5), (0.9, 9.5)])
def test_correlation_time_of_an_exponential(memory, expected):
    values = _correlated(np.random.default_rng(1), 200_000, memory)
    assert correlation_time(values) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(("n", "memory"), [(400, 0.0), (1001, 0.5), (4000, 0.9), (800, 0.8)])
def test_interval_of_a_correlated_mean_holds_the_truth(n, memory):
    rng = np.random.default_rng(2)
    found = [estimate_mean(_correlated(rng, n, memory), "K", "temperature") for _ in range(400)]
    estimates = [one for one in found if isinstance(one, Estimate)]
    covered = np.mean([one.ci95[0] <= 300.0 <= one.ci95[1] for one in estimates])
    assert len(estimates) > 390
    assert 0.90 <= covered <= 0.98  # 400 repetitions know it to ± 1.1 %


def test_too_short_for_its_correlation_is_refused():
    refused = estimate_mean(_correlated(np.random.default_rng(3), 300, 0.98), "K", "temperature")
    assert isinstance(refused, Refusal)
    assert "run longer" in refused.reason


def test_stationary_runs_rarely_drift_and_a_drift_is_seen():
    rng = np.random.default_rng(4)
    drifts = [record_temperature(_series(_correlated(rng, 1000, 0.8))) for _ in range(300)]
    assert np.mean([one.has_drifted for one in drifts]) < 0.04
    covered = np.mean([one.drift.ci95[0] <= 0 <= one.drift.ci95[1] for one in drifts])
    assert 0.90 <= covered <= 0.98
    # 300 K heated to 330 K in a straight line: the halves differ by 15 K, the samples scatter by 10 K
    heated = [record_temperature(_series(_correlated(rng, 1000, 0.8) + np.linspace(0, 30, 1000))) for _ in range(50)]
    assert np.mean([one.has_drifted for one in heated]) > 0.9
    assert np.mean([one.drift.value for one in heated]) == pytest.approx(15, abs=1)


def test_temperature_record_of_a_run():
    values = _correlated(np.random.default_rng(5), 5000, 0.5)
    record = record_temperature(_series(values))
    assert record.mean.value == pytest.approx(values.mean())
    assert record.mean.unit == "K"
    # n/2τ = 5000/3 independent samples: 10 K / √1667 = 0.245 K
    assert record.mean.std == pytest.approx(0.245, rel=0.2)
    assert record.fluctuation == pytest.approx(10, rel=0.05)
    assert record.correlation_time_fs == pytest.approx(75, rel=0.2)


def test_density_is_mass_over_volume():
    # 4 Li of 6.94 amu and 8 S of 32.06 amu in 1000 Å³: 284.24 × 1.66054e-24 g / 1e-21 cm³ = 0.47199 g/cm³
    record = record_density(_series(volume=np.full(100, 1000.0)))
    assert record.mean.value == pytest.approx(0.47199, rel=1e-5)
    assert record.mean.unit == "g/cm3"
    assert record.mean.std == 0
    assert record.drift.value == 0
    assert not record.has_drifted


def test_density_of_a_breathing_box_is_the_mean_of_densities():
    volume = _correlated(np.random.default_rng(6), 2000, 0.7, mean=1000.0, spread=10.0)
    record = record_density(_series(volume=volume))
    assert record.mean.value == pytest.approx(471.99 * np.mean(1 / volume), rel=1e-5)
    assert record.fluctuation == pytest.approx(0.00472, rel=0.1)


def test_missing_temperature_and_short_runs_are_refused():
    values = np.full(100, 300.0)
    values[3] = np.nan
    record = record_temperature(_series(values))
    assert "not recorded" in record.mean.reason
    assert not record.has_drifted
    short = record_temperature(_series(np.array([300.0, 301.0, 299.0])))
    assert isinstance(short.mean, Refusal)
    assert isinstance(short.drift, Refusal)
    empty = record_temperature(_series(np.zeros(0)))
    assert isinstance(empty.mean, Refusal)
    with pytest.raises(InputError, match="expected positive volumes"):
        record_density(_series(volume=np.zeros(40)))


@pytest.mark.parametrize("n", [1, 31, 32, 33, 100, 257])
def test_time_blocks_keep_the_sum_in_bounded_memory(n):
    values = np.random.default_rng(7).normal(size=(n, 3))
    blocks = TimeBlocks()
    for value in values:
        blocks.add(value)
        assert len(blocks.sums) < 32
    np.testing.assert_allclose(blocks.total(), values.sum(axis=0))
    whole = len(blocks.sums) * blocks.length
    assert n - whole < blocks.length
    np.testing.assert_allclose(
        np.array(blocks.sums), values[:whole].reshape(-1, blocks.length, 3).sum(axis=1), atol=1e-12
    )


@pytest.mark.parametrize("n_before", [0, 1, 31, 32, 33, 70])
def test_time_blocks_taken_up_again_are_those_of_an_unbroken_run(n_before):
    values = np.random.default_rng(7).normal(size=(100, 3))
    unbroken, before, after = TimeBlocks(), TimeBlocks(), TimeBlocks()
    for value in values[:n_before]:
        before.add(value)
    after.restore(*before.state())
    for place, value in enumerate(values):
        unbroken.add(value)
        if place >= n_before:
            after.add(value)
    assert after.length == unbroken.length
    np.testing.assert_array_equal(after.total(), unbroken.total())
    np.testing.assert_array_equal(after.sums, unbroken.sums)
