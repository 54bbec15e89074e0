import numpy as np
import pytest

from aiida_elyte.science.transport.spectrum import (
    find_level,
    fit_level,
    mode_frequencies,
    sine_modes,
    tilt_evidence,
)


def test_modes_equal_their_definition():
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(size=(12, 2, 3)), axis=0)
    n = 11
    t = np.arange(1, n + 1)
    for k, mode in enumerate(sine_modes(x, 5), start=1):
        sines = np.sqrt(2 / (n + 1)) * np.sin(np.pi * k * t / (n + 1))
        np.testing.assert_allclose(mode, np.einsum("t,tnd->nd", sines, np.diff(x, axis=0)), atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_modes_keep_all_power_of_the_increments(n):
    x = np.random.default_rng(1).normal(size=(n + 1, 3))
    np.testing.assert_allclose((sine_modes(x, n) ** 2).sum(), (np.diff(x, axis=0) ** 2).sum())


def test_frequencies_are_half_periods_of_the_run():
    # mode k has k half waves in T = 4 × 10 fs
    np.testing.assert_allclose(mode_frequencies(4, 10.0), [1 / 80, 2 / 80, 3 / 80, 4 / 80])


def test_brownian_modes_have_the_variance_2D_dt_and_no_correlation():
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.normal(0, np.sqrt(2 * 0.5 * 2.0), (101, 4000, 1)), axis=0)  # D = 0.5, Δt = 2
    y = sine_modes(x, 100)[..., 0]
    np.testing.assert_allclose((y**2).mean(axis=1), 2.0, rtol=0.12)  # 4000 samples: ± 2.2 %
    correlation = np.corrcoef(y[:8]) - np.eye(8)
    assert np.abs(correlation).max() < 0.08


def _chi_square(rng, expected, dof):
    return expected * rng.chisquare(dof, expected.shape) / dof


@pytest.mark.parametrize(("rise", "bend"), [(0.0, 1.0), (1.5, 40.0), (-0.9, 60.0)])
def test_level_is_found_wherever_the_spectrum_bends(rise, bend):
    rng = np.random.default_rng(4)
    k = np.arange(1.0, 121.0)
    truth = 2.0 * (1 + rise * (k / bend) ** 2 / (1 + (k / bend) ** 2))
    inside, values = [], []
    for _ in range(200):
        level = fit_level(k, _chi_square(rng, truth, 60), 2 / 60, 357.0, 1.0)
        lower, upper = level.interval()
        inside.append(lower <= 2.0 <= upper)
        values.append(level.value)
    assert 0.90 <= np.mean(inside) <= 1.0
    assert np.mean(values) == pytest.approx(2.0, rel=0.03)


def test_interval_is_wider_with_the_scatter_of_the_ions():
    rng = np.random.default_rng(5)
    level = fit_level(np.arange(1.0, 41.0), _chi_square(rng, np.full(40, 3.0), 60), 2 / 60, 117.0, 1.0)
    narrow, wide = level.interval(), level.interval(excess=0.04)
    assert wide[0] < narrow[0] < level.value < narrow[1] < wide[1]
    assert level.error(0.04) > 0.2 * level.value
    # without a bend the error is that of the mean: 3 √(2/60/40)
    assert level.errors[0] == pytest.approx(level.values[0] * np.sqrt(2 / 60 / 40), rel=1e-6)


def test_shape_is_one_at_zero_frequency():
    rng = np.random.default_rng(6)
    level = fit_level(np.arange(1.0, 41.0), _chi_square(rng, np.full(40, 3.0), 60), 2 / 60, 117.0, 1.0)
    assert level.shape(np.array([0.0]))[0] == pytest.approx(1.0)


@pytest.mark.parametrize(("exponent", "is_level"), [(0.0, True), (0.3, False), (-0.3, False)])
def test_power_laws_are_told_from_levels(exponent, is_level):
    rng = np.random.default_rng(7)
    k = np.arange(1.0, 101.0)
    right = 0
    for _ in range(40):
        power = _chi_square(rng, np.repeat((k**exponent)[:, None], 3, axis=1), 24)
        level, variance = find_level(k, power, 1.0, 2 / 72)
        right += (level.log_evidence > tilt_evidence(k, power.mean(axis=1), variance, 0.15)) == is_level
    assert right >= 35
