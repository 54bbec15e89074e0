import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.equilibration import find_equilibrium, statistical_inefficiency


def noise(n_samples, correlation, seed):
    """Return an autoregressive series of variance 1: g = (1 + φ)/(1 − φ)."""
    steps = np.random.default_rng(seed).standard_normal(n_samples)
    values = np.empty(n_samples)
    values[0] = steps[0]
    for i in range(1, n_samples):
        values[i] = correlation * values[i - 1] + np.sqrt(1 - correlation**2) * steps[i]
    return values


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_inefficiency_of_an_autoregressive_series(correlation):
    found = np.mean([statistical_inefficiency(noise(20_000, correlation, seed)) for seed in range(5)])
    assert found == pytest.approx((1 + correlation) / (1 - correlation), rel=0.15)


def test_inefficiency_is_that_of_the_plain_sum():
    values = noise(300, 0.8, 1)
    centred = values - values.mean()
    correlation = [np.mean(centred[: 300 - t] * centred[t:]) for t in range(300)]
    total = 1.0
    for t in range(1, 300):
        if correlation[t] <= 0:
            break
        total += 2 * (1 - t / 300) * correlation[t] / correlation[0]
    assert statistical_inefficiency(values) == pytest.approx(total, rel=1e-9)


def test_a_series_without_scatter_counts_each_sample():
    assert statistical_inefficiency(np.full(50, 3.7)) == 1.0


def test_equilibrium_begins_after_the_relaxation():
    time = np.arange(4000)
    density = 1.1 - 0.8 * np.exp(-time / 100) + 0.01 * noise(4000, 0.9, 2)
    found = find_equilibrium({"density": density, "temperature": 363 + 5 * noise(4000, 0.5, 3)}, {"temperature": 363})
    assert found.refused is None
    # 0.8 exp(−t/100) falls below the scatter of 0.01 at t = 440.
    assert 300 < found.begins < 1500
    mean = found.means["density"]
    assert abs(mean.value - 1.1) < 4 * mean.std
    assert mean.std == pytest.approx(0.01 * np.sqrt(19 / (4000 - found.begins)), rel=0.4)


def test_means_scatter_by_their_standard_errors():
    found = [find_equilibrium({"x": noise(2000, 0.8, seed)}).means["x"] for seed in range(60)]
    scores = np.array([mean.value / mean.std for mean in found])
    assert 0.75 < scores.std() < 1.4
    drifts = np.array([mean.drift / mean.drift_std for mean in found])
    assert 0.75 < drifts.std() < 1.4


def test_a_drift_is_refused():
    drifting = np.linspace(1.0, 1.3, 1000) + 0.05 * noise(1000, 0.3, 4)
    reason = find_equilibrium({"density": drifting}).refused
    assert reason is not None
    assert "density" in reason
    assert reason.endswith("run longer")


def test_a_change_at_the_end_is_refused():
    late = np.concatenate([np.linspace(0.0, 1.0, 900), np.full(100, 1.0)]) + 0.01 * noise(1000, 0.2, 5)
    assert "until the last third" in find_equilibrium({"density": late}).refused


def test_a_mean_off_its_target_is_refused():
    pressure = 500 + 100 * noise(2000, 0.5, 6)
    assert "expected 1" in find_equilibrium({"pressure": pressure}, {"pressure": 1.0}).refused


def test_few_independent_samples_are_refused():
    # Two waves: correlation is positive for a quarter period of 25 samples, g = 1 + 2 Σ cos ≈ 33 of 200.
    waves = np.cos(2 * np.pi * np.arange(200) / 100)
    assert "independent samples" in find_equilibrium({"energy": waves}).refused


@pytest.mark.parametrize(
    ("series", "targets", "words"),
    [
        ({}, {}, "series have"),
        ({"x": np.zeros(5)}, {}, "20 or more"),
        ({"x": np.zeros(30), "y": np.zeros(31)}, {}, "one length"),
        ({"x": np.full(30, np.nan)}, {}, "not finite"),
        ({"x": np.zeros(30)}, {"z": 1.0}, "target z has no series"),
    ],
)
def test_unusable_series_are_refused(series, targets, words):
    with pytest.raises(InputError, match=words):
        find_equilibrium(series, targets)
