"""Collective coefficients against electrolytes whose Onsager matrix is given."""

from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.science.transport.estimates import Estimate, estimate_transport
from aiida_elyte.science.transport.synthetic import brownian, electrolyte
from aiida_elyte.units import BOLTZMANN_EV_K, MS_CM, ONSAGER_SI

# cations dragged along by the anions: t+ = (1 - 1.5)/(1 - 3 + 4) = -0.25
NEGATIVE = np.array([[1.0e-4, 1.5e-4], [1.5e-4, 4.0e-4]])
CHARGES = {"Li": 1.0, "Cl": -1.0}
KVT = 1000.0 * BOLTZMANN_EV_K * 600.0


def _salt(seed, n_replicas=2, n_times=400, n_pairs=12):
    rng = np.random.default_rng(seed)
    return [electrolyte(rng, n_times, n_pairs, NEGATIVE, 50.0, replica=f"r{k}") for k in range(n_replicas)]


def test_intervals_of_all_coefficients_hold_the_truth():
    truth = {
        "conductivity": (1 - 3 + 4) * 1e-4 * 12 / KVT * MS_CM,
        "onsager_Li_Li": 1e-4 * 12 / KVT * ONSAGER_SI,
        "onsager_Li_Cl": 1.5e-4 * 12 / KVT * ONSAGER_SI,
        "onsager_Cl_Cl": 4e-4 * 12 / KVT * ONSAGER_SI,
        "transference_Li": -0.25,
        "transference_Cl": 1.25,
    }
    hits = {key: [] for key in truth}
    for seed in range(100):
        for key, found in estimate_transport(_salt(seed), CHARGES, 600.0, frame="lab").items():
            if key in truth and isinstance(found, Estimate):
                hits[key].append(found.ci95[0] <= truth[key] <= found.ci95[1])
    for key, found in hits.items():
        # 100 repetitions know the coverage to ± 2.2 %
        assert len(found) >= 95, key
        assert 0.88 <= np.mean(found) <= 1.0, (key, np.mean(found))


def test_conductivity_is_the_charge_weighted_sum_of_the_matrix():
    results = estimate_transport(_salt(1), CHARGES, 600.0, frame="lab")
    a, b, c = (results[f"onsager_{pair}"].value for pair in ("Li_Li", "Li_Cl", "Cl_Cl"))
    sigma = results["conductivity"].value
    # σ = F² Σ z z L; F² in the units inside is MS_CM over ONSAGER_SI
    assert sigma == pytest.approx((a - 2 * b + c) * MS_CM / ONSAGER_SI, rel=1e-9)
    assert results["transference_Li"].value == pytest.approx((a - b) / (a - 2 * b + c), rel=1e-9)
    assert results["transference_Li"].value + results["transference_Cl"].value == pytest.approx(1.0)


def test_conductivity_of_a_neutral_system_does_not_depend_on_the_frame_and_transference_does():
    series = _salt(2)
    lab, solvent, anions = (
        estimate_transport(series, CHARGES, 600.0, frame=frame) for frame in ("lab", "com", "framework:Cl")
    )
    assert solvent["conductivity"].value == pytest.approx(lab["conductivity"].value, rel=1e-2)
    assert anions["transference_Li"].value == pytest.approx(1.0, abs=1e-9)
    assert lab["transference_Li"].value < 0.0


def test_one_carrier_has_no_transference_number():
    results = estimate_transport([brownian(np.random.default_rng(3), 400, 20, 1e-4, 50.0)], {"Li": 1.0}, 600.0)
    assert not any(key.startswith("transference") for key in results)


def test_anisotropic_cell_gives_a_tensor():
    rng = np.random.default_rng(4)
    one = brownian(rng, 800, 20, 1e-4, 50.0)
    scale = np.array([2.0, 1.0, 0.5])
    stretched = replace(
        one,
        displacements_A=(one.displacements_A * scale).astype(np.float32),
        collective_A=one.collective_A * scale,
        cell_A=np.diag([20.0, 10.0, 5.0]),
    )
    results = estimate_transport([stretched], {"Li": 1.0}, 600.0)
    along = [results[f"conductivity_{axis}{axis}"] for axis in "xyz"]
    for found, factor in zip(along, scale**2, strict=True):
        expected = factor * 20 * 1e-4 / KVT * MS_CM
        assert found.ci95[0] <= expected <= found.ci95[1]
    assert results["conductivity"].value == pytest.approx(np.mean([found.value for found in along]))
    assert abs(results["conductivity_xy"].value) < 4 * results["conductivity_xy"].std
    assert "conductivity_xx" not in estimate_transport([one], {"Li": 1.0}, 600.0)
