"""What the figures draw is what the arrays say."""

import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.report.curves import arrhenius_band, describe_material, describe_series, learning_curve, pool_parity
from aiida_elyte.science.transport import synthetic
from aiida_elyte.units import BOLTZMANN_EV_K


def parity(forces, predicted):
    return {
        "validation/forces_label": np.array(forces),
        "validation/forces": np.array(predicted),
        "validation/energy_label": np.array([-1.0]),
        "validation/energy": np.array([-1.1]),
        "validation/numbers": np.array([3]),
    }


def test_members_on_the_same_frames_are_averaged():
    pooled = pool_parity({"m00": parity([[1.0, 0, 0]], [[1.3, 0, 0]]), "m01": parity([[1.0, 0, 0]], [[0.7, 0, 0]])})[
        "validation"
    ]
    assert pooled["n_averaged"] == 2
    assert pooled["force_mae_eV_A"] == pytest.approx(0.0, abs=1e-12)


def test_members_on_frames_of_their_own_are_put_together():
    pooled = pool_parity({"m00": parity([[1.0, 0, 0]], [[1.3, 0, 0]]), "m01": parity([[2.0, 0, 0]], [[1.7, 0, 0]])})[
        "validation"
    ]
    assert pooled["n_averaged"] == 1
    assert pooled["n_members"] == 2
    assert pooled["forces"].tolist() == [1.3, 0, 0, 1.7, 0, 0]
    assert pooled["force_mae_eV_A"] == pytest.approx(0.6 / 6)
    assert pooled["energy_mae_eV_atom"] == pytest.approx(0.1)


def test_no_member_has_no_parity():
    assert pool_parity({}) == {}
    assert pool_parity({"m00": {}}) == {}


def test_learning_curve_keeps_what_every_epoch_tells():
    curve = learning_curve([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0, "extra": 3.0}])
    assert set(curve) == {"epoch", "loss"}
    assert curve["loss"].tolist() == [2.0, 1.0]
    assert learning_curve([]) == {}


def test_band_is_the_law_that_made_the_points():
    def conductivity(kelvin):
        return 1e6 / kelvin * np.exp(-0.3 / (BOLTZMANN_EV_K * kelvin))

    def result(value):
        ci95 = [0.9 * value, 1.1 * value]
        return {
            "value": value,
            "std": 0.05 * value,
            "ci95": ci95,
            "unit": "mS/cm",
            "n_effective": 10.0,
            "method": "",
            "window": None,
        }

    known = {kelvin: result(conductivity(kelvin)) for kelvin in (600.0, 800.0, 1000.0)}
    band = arrhenius_band({**known, 500.0: {"refused": "too short", "upper_bound": None}})
    assert band["temperature_K"][[0, -1]] == pytest.approx([1000.0, 300.0])
    assert band["value"] == pytest.approx(conductivity(band["temperature_K"]))
    assert ((band["low"] < band["value"]) & (band["value"] < band["high"])).all()
    assert arrhenius_band({600.0: known[600.0], 800.0: known[800.0]}) is None


def test_diffusive_series_have_a_window_and_caged_ones_a_reason():
    rng = np.random.default_rng(1)
    free = [synthetic.brownian(rng, 500, 30, 1e-4, 10.0, replica=f"r{i}") for i in range(3)]
    caged = [synthetic.caged(rng, 500, 30, 0.3, 50.0, 10.0, replica=f"r{i}") for i in range(3)]
    lithium = describe_series(free, {"Li": 1.0})["msd"]["Li"]
    assert lithium["mobile"]
    assert lithium["window_ps"][0] < lithium["window_ps"][1]
    assert lithium["msd_A2"] == pytest.approx(6 * 1e-4 * 1e3 * lithium["lag_ps"], rel=0.3)
    still = describe_series(caged, {"Li": 1.0})["msd"]["Li"]
    assert still["window_ps"] is None
    assert "not diffusive" in still["reason"]


def test_temperatures_are_thinned_to_what_a_figure_shows():
    series = synthetic.brownian(np.random.default_rng(2), 5000, 4, 1e-4, 10.0)
    (one,) = describe_series([series], {"Li": 1.0})["temperatures"]
    assert len(one["time_ps"]) == len(one["temperature_K"]) <= 420


def test_crystal_is_described():
    salt = describe_material(bulk("LiCl", "rocksalt", a=5.14, cubic=True))
    assert salt["reduced_formula"] == "LiCl"
    assert salt["space_group"] == "Fm-3m (225)"
    assert salt["density_g_cm3"] == pytest.approx(4 * (6.94 + 35.45) / 0.602214 / 5.14**3, rel=1e-3)
