import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.transport.arrhenius import ArrheniusLine, fit_arrhenius, fit_line
from aiida_elyte.science.transport.estimates import Estimate, Refusal
from aiida_elyte.units import BOLTZMANN_EV_K

TEMPERATURES = [600.0, 700.0, 800.0, 1000.0]


def _sigma(temperature_K, energy_eV=0.25, prefactor=5e6):
    return prefactor / temperature_K * np.exp(-energy_eV / (BOLTZMANN_EV_K * temperature_K))


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
