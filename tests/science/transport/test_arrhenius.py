import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.transport.arrhenius import ArrheniusLine, fit_arrhenius, fit_line
from aiida_elyte.science.transport.estimates import Estimate, Refusal
from aiida_elyte.science.transport.grouping import Groups
from aiida_elyte.units import BOLTZMANN_EV_K

TEMPERATURES = [600.0, 700.0, 800.0, 1000.0]


def _sigma(temperature_K, energy_eV=0.25, prefactor=5e6):
    return prefactor / temperature_K * np.exp(-energy_eV / (BOLTZMANN_EV_K * temperature_K))


def _of_members(temperature_K, values, relative):
    """Return the estimate of several members, each with its value at one temperature."""
    mean = float(np.mean(values))
    interval = (mean * np.exp(-1.96 * relative), mean * np.exp(1.96 * relative))
    pooled = Estimate(mean, relative * mean, interval, "mS/cm", 2 / relative**2, "synthetic")
    groups = Groups(tuple(f"m{index}" for index in range(len(values))), are_members=True)
    members = {f"m{index}": (float(value), 1.0) for index, value in enumerate(values)}
    return groups.with_member_errors(pooled, members, is_positive=True)


def _estimate(value, relative=0.1, n_effective=20.0):
    return Estimate(value, relative * value, (0.8 * value, 1.2 * value), "mS/cm", n_effective, "synthetic")


def test_exact_points_give_back_their_line():
    results = fit_arrhenius(TEMPERATURES, [_estimate(_sigma(t)) for t in TEMPERATURES])
    assert results["activation_energy"].value == pytest.approx(0.25)
    assert results["prefactor"].value == pytest.approx(5e6)
    assert results["conductivity_300K"].value == pytest.approx(_sigma(300.0))
    assert [results[key].unit for key in ("activation_energy", "prefactor", "conductivity_300K")] == [
        "eV",
        "mS/cm K",
        "mS/cm",
    ]
    assert "extrapolated" in results["conductivity_300K"].method
    assert fit_arrhenius(TEMPERATURES, [_estimate(_sigma(t)) for t in TEMPERATURES], target_K=650.0)[
        "conductivity_650K"
    ].value == pytest.approx(_sigma(650.0))


def test_diffusion_is_fitted_without_the_factor_of_temperature():
    values = [_estimate(1e-3 * np.exp(-0.3 / (BOLTZMANN_EV_K * t))) for t in TEMPERATURES]
    line = fit_line(TEMPERATURES, values, times_temperature=False)
    assert isinstance(line, ArrheniusLine)
    assert line.activation_energy_eV == pytest.approx(0.3)
    value, _, low, high = line.band(np.array([300.0, 700.0]))
    assert value[1] == pytest.approx(values[1].value)
    assert high[0] / low[0] > high[1] / low[1]  # the band opens away from the points


def test_intervals_hold_the_truth():
    rng = np.random.default_rng(0)
    energy, room = [], []
    for _ in range(500):
        values = [_estimate(_sigma(t) * np.exp(rng.normal(0, 0.15)), 0.15) for t in TEMPERATURES]
        results = fit_arrhenius(TEMPERATURES, values)
        energy.append(results["activation_energy"].ci95[0] <= 0.25 <= results["activation_energy"].ci95[1])
        room.append(results["conductivity_300K"].ci95[0] <= _sigma(300.0) <= results["conductivity_300K"].ci95[1])
    assert 0.92 <= np.mean(energy) <= 0.99
    assert 0.92 <= np.mean(room) <= 0.99


def test_precise_points_weigh_more():
    values = [_estimate(_sigma(t), 0.01) for t in TEMPERATURES[:3]] + [_estimate(3 * _sigma(1000.0), 0.9)]
    assert fit_arrhenius(TEMPERATURES, values)["activation_energy"].value == pytest.approx(0.25, abs=0.005)


def test_points_off_a_line_widen_the_interval():
    bent = [_estimate(_sigma(t) * factor, 0.01) for t, factor in zip(TEMPERATURES, [1, 1.5, 1, 1.5], strict=True)]
    straight = [_estimate(_sigma(t), 0.01) for t in TEMPERATURES]
    results = fit_arrhenius(TEMPERATURES, bent)
    assert results["activation_energy"].std > 5 * fit_arrhenius(TEMPERATURES, straight)["activation_energy"].std
    assert "errors inflated" in results["activation_energy"].method


def test_two_temperatures_are_no_line():
    values = [_estimate(1.0), Refusal("not diffusive"), _estimate(2.0)]
    results = fit_arrhenius([600.0, 700.0, 800.0], values)
    assert all(isinstance(one, Refusal) for one in results.values())
    assert results["activation_energy"].reason.startswith("2 of 3 temperatures have a number; expected at least 3")
    assert isinstance(fit_line([600.0, 600.0, 600.0], [_estimate(1.0)] * 3), Refusal)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="2 temperatures come with 1 values"):
        fit_arrhenius([600.0, 700.0], [_estimate(1.0)])
    with pytest.raises(InputError, match="temperature_K is -1"):
        fit_arrhenius([-1.0], [_estimate(1.0)])
    with pytest.raises(InputError, match="no standard error"):
        fit_arrhenius([600.0, 700.0, 800.0], [_estimate(1.0, 0.0)] * 3)


def test_members_that_differ_by_a_factor_alone_leave_the_activation_energy_sharp():
    factors = np.array([0.7, 1.0, 1.4])
    results = fit_arrhenius(TEMPERATURES, [_of_members(t, factors * _sigma(t), 0.01) for t in TEMPERATURES])
    energy, prefactor = results["activation_energy"], results["prefactor"]
    assert energy.errors.model == 0.0
    assert energy.std < 0.01
    # ln of the factors scatters by 0.347, so the mean of three by 0.2
    assert prefactor.errors.model / prefactor.value == pytest.approx(0.2, rel=0.05)
    assert "lines of 3 ensemble members" in energy.method


def test_members_of_different_barriers_give_the_error_of_the_barrier():
    barriers = [0.22, 0.25, 0.28]
    points = [_of_members(t, [_sigma(t, barrier) for barrier in barriers], 0.01) for t in TEMPERATURES]
    energy = fit_arrhenius(TEMPERATURES, points)["activation_energy"]
    assert energy.errors.model == pytest.approx(0.03 / np.sqrt(3), rel=0.05)
    assert energy.std == pytest.approx(np.hypot(energy.errors.statistical, energy.errors.model))


def test_intervals_hold_the_truth_about_which_the_barriers_of_models_scatter():
    """Models err at all temperatures at once, in barrier and prefactor; statistics at each temperature anew."""
    rng, held = np.random.default_rng(2), []
    for _ in range(400):
        barriers, prefactors = 0.25 + rng.normal(0, 0.02, 3), 5e6 * np.exp(rng.normal(0, 0.2, 3))
        points = []
        for t in TEMPERATURES:
            values = _sigma(t, barriers, prefactors) * np.exp(rng.normal(0, 0.1 * np.sqrt(3), 3))
            points.append(_of_members(t, values, 0.1))
        results = fit_arrhenius(TEMPERATURES, points)
        truth = {"activation_energy": 0.25, "prefactor": 5e6, "conductivity_300K": _sigma(300.0)}
        held.append([results[key].ci95[0] <= value <= results[key].ci95[1] for key, value in truth.items()])
    assert (np.mean(held, axis=0) >= 0.90).all()
    assert (np.mean(held, axis=0) <= 0.99).all()


def test_a_temperature_without_members_takes_the_errors_as_independent():
    points = [_of_members(t, np.array([0.7, 1.0, 1.4]) * _sigma(t), 0.01) for t in TEMPERATURES]
    results = fit_arrhenius([*TEMPERATURES, 900.0], [*points, _estimate(_sigma(900.0))])
    assert results["activation_energy"].errors.model is None
