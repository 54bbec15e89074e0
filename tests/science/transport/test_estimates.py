import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import ErrorTerms
from aiida_elyte.science.trajectory.reduction import reduce_frames
from aiida_elyte.science.transport.estimates import (
    Estimate,
    Refusal,
    estimate_transport,
    result_from_dict,
)
from aiida_elyte.science.transport.grouping import Groups, mean_of_groups
from aiida_elyte.science.transport.synthetic import (
    breathing,
    brownian,
    caged,
    caged_then_diffusive,
    correlated_pairs,
    electrolyte,
    series_of,
)

XDATCAR = Path(__file__).parents[4] / "shared/data/trajectories/Li6PS5Cl_XDATCAR"

# Li ions of D = 1e-4 Å²/fs = 1e-4 × 1e-16 cm² / 1e-15 s = 1e-5 cm²/s, in 1000 Å³ at 600 K: kT = 0.0517 eV, and
# e² N D / V kT = N × 1.602e-19² C² × 1e-9 m²/s / (1e-27 m³ × 1.381e-23 × 600 J) = N × 3.099 S/m = N × 30.99 mS/cm
DIFFUSION = 1e-4
CM2_S = 1e-5
MS_CM_PER_ION = 30.99


def _replicas(rng, make, n_times, n_ions, *arguments, n_replicas=3, interval_fs=50.0):
    return [make(rng, n_times, n_ions, *arguments, interval_fs, replica=f"r{k}") for k in range(n_replicas)]


def _covered(make, n_replicas, n_times, n_ions, arguments, truth, repetitions=200):
    """Return the fraction of intervals that hold the truth, and the fraction of refusals."""
    rng = np.random.default_rng(11)
    hits = {key: [] for key in truth}
    for _ in range(repetitions):
        series = _replicas(rng, make, n_times, n_ions, *arguments, n_replicas=n_replicas)
        for key, result in estimate_transport(series, {"Li": 1.0}, 600.0).items():
            if isinstance(result, Estimate) and key in truth:
                hits[key].append(result.ci95[0] <= truth[key] <= result.ci95[1])
    return {key: np.mean(found) for key, found in hits.items()}, {
        key: 1 - len(found) / repetitions for key, found in hits.items()
    }


def _truth(n_ions, diffusion, haven=1.0):
    scale = diffusion / DIFFUSION
    return {
        "tracer_diffusion_Li": CM2_S * scale,
        "conductivity_nernst_einstein": n_ions * MS_CM_PER_ION * scale,
        "conductivity": n_ions * MS_CM_PER_ION * scale / haven,
        "haven_ratio": haven,
    }


@pytest.mark.parametrize(
    ("make", "n_replicas", "n_times", "arguments", "haven"),
    [
        (brownian, 3, 200, (DIFFUSION,), 1.0),
        (brownian, 1, 600, (DIFFUSION,), 1.0),
        (correlated_pairs, 3, 200, (DIFFUSION,), 0.5),
        (caged_then_diffusive, 3, 300, (10 * DIFFUSION, 0.2, 200.0), 1.0),
    ],
    ids=["brownian", "one long replica", "pairs", "caged, then diffusive"],
)
def test_intervals_hold_the_truth_in_nine_of_ten_repetitions_or_more(make, n_replicas, n_times, arguments, haven):
    covered, refused = _covered(make, n_replicas, n_times, 20, arguments, _truth(20, arguments[0], haven))
    # 200 repetitions know the coverage to ± 1.5 %; the interval of the Haven ratio is on the safe side by construction
    for key, fraction in covered.items():
        assert 0.90 <= fraction <= (1.0 if key == "haven_ratio" else 0.99), (key, fraction)
        assert refused[key] < 0.1


@pytest.mark.parametrize(("shape", "is_unwrapped"), [("cube", False), ("box", True), ("tilting", False)])
def test_intervals_hold_the_truth_in_cells_whose_edges_swing_by_two_per_cent(shape, is_unwrapped):
    # with the swing of the cell in each step, one in ten intervals of D would hold it
    make = partial(breathing, swing=0.02, shape=shape, is_unwrapped=is_unwrapped)
    covered, refused = _covered(make, 1, 600, 20, (DIFFUSION,), _truth(20, DIFFUSION), repetitions=60)
    for key, fraction in covered.items():  # 60 repetitions know the coverage to ± 2.8 %
        assert fraction >= 0.87, (key, fraction)
        assert refused[key] < 0.1


def test_the_error_is_as_large_as_the_scatter_of_repetitions():
    rng = np.random.default_rng(12)
    found = [
        estimate_transport(_replicas(rng, brownian, 200, 20, DIFFUSION), {"Li": 1.0}, 600.0)["tracer_diffusion_Li"]
        for _ in range(100)
    ]
    values, errors = np.array([[one.value, one.std] for one in found if isinstance(one, Estimate)]).T
    assert np.median(errors) == pytest.approx(values.std(ddof=1), rel=0.25)
    assert values.mean() == pytest.approx(CM2_S, rel=0.03)


def test_caged_ions_get_an_upper_bound_and_no_number():
    rng = np.random.default_rng(13)
    for _ in range(10):
        results = estimate_transport(_replicas(rng, caged, 200, 20, 0.5, 200.0), {"Li": 1.0}, 600.0)
        assert all(isinstance(result, Refusal) for result in results.values())
    bound = results["tracer_diffusion_Li"].upper_bound
    # MSD = 6 a² = 1.5 Å² at t = 4950 fs: MSD/6t = 5.05e-5 Å²/fs = 5.05e-6 cm²/s
    assert bound.value == pytest.approx(5.05e-6, rel=0.15)
    assert bound.ci95 == (0.0, bound.value)
    assert results["conductivity_nernst_einstein"].upper_bound.value == pytest.approx(
        bound.value / CM2_S * 20 * MS_CM_PER_ION, rel=1e-3
    )
    assert "steadily; run longer" in results["conductivity"].reason


def test_upper_bounds_lie_above_the_truth():
    rng = np.random.default_rng(14)
    truth = _truth(20, DIFFUSION)
    above = []
    for _ in range(60):
        # the cage is left after 9 a²/D = 22 ps, replicas are 10 ps long
        series = _replicas(rng, caged_then_diffusive, 200, 20, DIFFUSION, 0.5, 200.0)
        results = estimate_transport(series, {"Li": 1.0}, 600.0)
        for key in ("tracer_diffusion_Li", "conductivity_nernst_einstein", "conductivity"):
            assert isinstance(results[key], Refusal)
            above.append(results[key].upper_bound.value > truth[key])
    assert np.mean(above) >= 0.95


def test_real_subdiffusive_trajectory_is_refused_with_a_bound():
    if not XDATCAR.exists():
        pytest.skip(f"{XDATCAR.name} is not beside this checkout")
    series = reduce_frames(read(XDATCAR, index=":", format="vasp-xdatcar"), 100.0)
    result = estimate_transport([series], {"Li": 1.0}, 500.0)["tracer_diffusion_Li"]
    assert isinstance(result, Refusal)
    assert "slope of its MSD is 0.8" in result.reason  # 0.83 between 2 and 7 ps by other tools
    assert 1.36e-5 < result.upper_bound.value < 3e-5  # above what others fit from 2 ps on


def test_members_that_differ_give_model_and_statistical_error_apart():
    rng = np.random.default_rng(15)
    series = [
        brownian(rng, 400, 50, factor * DIFFUSION, 50.0, replica=f"m{member}r{k}", member=f"m{member}")
        for member, factor in enumerate([0.7, 1.0, 1.3])
        for k in range(2)
    ]
    result = estimate_transport(series, {"Li": 1.0}, 600.0)["tracer_diffusion_Li"]
    alike = [replace(one, member="m0") for one in series if one.member == "m1"]
    single = estimate_transport(alike, {"Li": 1.0}, 600.0)["tracer_diffusion_Li"]
    assert result.n_effective == pytest.approx(3)
    errors = result.errors
    assert result.std == pytest.approx(np.hypot(errors.statistical, errors.model))
    assert errors.statistical < 0.1 * errors.model
    assert (errors.configurational, errors.calibration_factor) == (None, None)
    assert "spread alone: a lower bound" in result.method
    assert {name: round(1e5 * value, 1) for name, (value, _) in errors.members.items()} == {
        "m0": 0.7,
        "m1": 1.0,
        "m2": 1.3,
    }
    inflated = estimate_transport(series, {"Li": 1.0}, 600.0, calibration_factor=2.0)["tracer_diffusion_Li"]
    assert inflated.errors.model == pytest.approx(2 * np.sqrt(3) * errors.model, rel=1e-3)
    assert inflated.errors.statistical == errors.statistical
    assert single.errors == ErrorTerms(single.std)
    assert "ensemble members differ: statistical std" in result.method
    assert ", model std" in result.method
    first = [one for one in series if one.replica.endswith("r0")]
    told = estimate_transport(first, {"Li": 1.0}, 600.0)["tracer_diffusion_Li"].method
    assert ", model or replica std" in told
    # members scatter by 0.3e-5, so their mean is known to 0.3e-5/√3 = 1.7e-6
    assert result.std == pytest.approx(1.7e-6, rel=0.35)
    assert result.std > 2 * single.std


def test_intervals_of_members_hold_the_truth_about_which_their_models_scatter():
    """Diffusion of four models scatters by 30 % about the truth, far beyond the statistics of each."""
    rng, held = np.random.default_rng(21), []
    for _ in range(150):
        factors = np.exp(rng.normal(0.0, 0.3, 4) - 0.3**2 / 2)
        series = [
            brownian(rng, 100, 24, DIFFUSION * factor, 50.0, replica=f"r{index}", member=f"m{index}")
            for index, factor in enumerate(factors)
        ]
        found = estimate_transport(series, {"Li": 1.0}, 600.0)["tracer_diffusion_Li"]
        held.append(found.ci95[0] <= CM2_S <= found.ci95[1])
    assert 0.90 <= np.mean(held) <= 0.99


def test_means_of_groups_follow_the_analysis_of_variance():
    samples = np.array([1.0, 2.0, 3.0, 2.0, 1.0, 3.0])
    alike = mean_of_groups(samples, np.array(list("aaabbb")), 0.25)
    # both groups have mean 2: pooled, std² = Σ(x-2)²/5/6 = 4/30
    assert (alike.value, alike.n_effective, alike.dof) == (2.0, 6, 5)
    assert alike.std == pytest.approx(np.sqrt(4 / 30))
    apart = mean_of_groups(samples + np.repeat([0, 10], 3), np.array(list("aaabbb")), 0.25)
    # means 2 and 12: mean 7 ± 10/2; within: mean square 1, statistical error √(1/6)
    assert (apart.value, apart.std, apart.dof, apart.n_effective) == (7.0, 5.0, 1, 2)
    assert apart.within == pytest.approx(np.sqrt(1 / 6))
    assert apart.between == pytest.approx(np.sqrt(25 - 1 / 6))
    single = mean_of_groups(samples, np.arange(6), 0.25)
    assert single.dof == 5
    # One value a group cannot tell whether groups differ.
    assert Groups(tuple("abcdef"), are_members=False).describe(single) == "error from the scatter of the replicas"


def test_full_charges_of_a_salt_need_no_framework():
    rng = np.random.default_rng(16)
    series = []
    for k in range(3):
        ions = brownian(rng, 300, 20, DIFFUSION, 50.0).displacements_A.astype(float)
        one = series_of(ions[:, :10], 50.0, n_framework=10, replica=f"r{k}")
        anions = ions[:, 10:].astype(np.float32)
        series.append(
            replace(
                one,
                tracked=one.tracked + ("S",) * 10,
                displacements_A=np.concatenate([one.displacements_A, anions], axis=1),
                collective_A=np.stack([one.collective_A[:, 0], anions.sum(axis=1, dtype=float)], axis=1),
            )
        )
    results = estimate_transport(series, {"Li": 1.0, "S": -1.0}, 600.0)
    assert "centre of mass of all atoms" in results["conductivity"].method
    # the mass-weighted frame takes 1 - O(1/N) of each D; 20 charges of D = 1e-5 cm²/s
    assert results["conductivity"].value == pytest.approx(20 * MS_CM_PER_ION, rel=0.5)
    assert results["conductivity_nernst_einstein"].value == pytest.approx(20 * MS_CM_PER_ION, rel=0.2)


def test_results_become_json():
    rng = np.random.default_rng(17)
    good = estimate_transport(_replicas(rng, brownian, 200, 20, DIFFUSION), {"Li": 1.0}, 600.0)
    bad = estimate_transport(_replicas(rng, caged, 200, 20, 0.5, 200.0), {"Li": 1.0}, 600.0)
    for results in (good, bad):
        for one in results.values():
            assert result_from_dict(json.loads(json.dumps(one.as_dict(), allow_nan=False))) == one
    assert set(good["conductivity"].as_dict()) == {
        "value",
        "std",
        "ci95",
        "unit",
        "n_effective",
        "method",
        "window",
        "errors",
    }
    assert set(bad["conductivity"].as_dict()) == {"refused", "upper_bound"}


def test_too_few_samples_are_refused():
    rng = np.random.default_rng(18)
    results = estimate_transport(_replicas(rng, brownian, 10, 20, DIFFUSION), {"Li": 1.0}, 600.0)
    assert "only 4 lags" in results["tracer_diffusion_Li"].reason
    results = estimate_transport(_replicas(rng, brownian, 3, 20, 0.0, n_replicas=1), {"Li": 1.0}, 600.0)
    assert results["conductivity"].upper_bound is None
    pairs = [electrolyte(rng, 8, 3, np.eye(2) * 1e-3, 50.0)]
    results = estimate_transport(pairs, {"Li": 1.0, "Cl": -1.0}, 600.0)
    assert results["transference_Li"].reason == results["conductivity"].reason


@pytest.mark.parametrize(
    ("charges", "temperature", "message"),
    [
        ({}, 600.0, "charges is empty; expected the charge of each mobile species among Li, S"),
        ({"Na": 1.0}, 600.0, "charges names Na; expected species among Li, S"),
        ({"Li": 0.0}, 600.0, "charges are all zero"),
        ({"Li": float("nan")}, 600.0, "charges gives Li nan"),
        (
            {"Li": 1.0, "S": -2.0},
            600.0,
            "charges of all species sum to 4 e \\(Li \\+20 e, S -16 e\\); expected 0, as every",
        ),
        ({"Li": 1.0}, 0.0, "temperature_K is 0.0; expected a positive number"),
        ({"Li": 1.0}, -3.0, "temperature_K is -3.0; expected a positive number"),
    ],
)
def test_bad_input_is_named(charges, temperature, message):
    series = brownian(np.random.default_rng(19), 50, 20, DIFFUSION, 50.0)
    with pytest.raises(InputError, match=message) as refusal:
        estimate_transport([series], charges, temperature)
    assert "\n" not in str(refusal.value)


def test_what_rests_by_its_charge_need_not_be_mobile():
    series = [brownian(np.random.default_rng(3), 300, 24, DIFFUSION, 50.0)]
    plain = estimate_transport(series, {"Li": 1.0}, 600.0)
    complete = estimate_transport(series, {"Li": 1.0, "S": -3.0}, 600.0, mobile=["Li"], frame="charge:S")
    assert complete["conductivity"].value == pytest.approx(plain["conductivity"].value, rel=1e-12)
    assert "centre of charge of S" in complete["conductivity"].method
    assert "tracer_diffusion_S" not in complete


@pytest.mark.parametrize(
    ("charges", "mobile", "said"),
    [
        ({"Li": 1.0, "S": -1.0}, ["Li"], "sum to 16 e"),
        ({"S": -3.0}, ["Li"], "Li is named mobile without a charge"),
        ({"Li": 0.0}, None, "all zero"),
        ({"S": 0.0}, ["S"], "all zero"),
    ],
)
def test_charges_that_do_not_fit_the_mobile_species(charges, mobile, said):
    series = [brownian(np.random.default_rng(3), 100, 24, DIFFUSION, 50.0)]
    with pytest.raises(InputError, match=said):
        estimate_transport(series, charges, 600.0, mobile=mobile)


@pytest.mark.parametrize("frame", ["lab", "com"])
def test_the_current_of_the_background_counts_in_every_frame(frame):
    rng = np.random.default_rng(4)
    series = brownian(rng, 600, 24, DIFFUSION, 50.0)
    drift = np.cumsum(rng.normal(0, 0.03, (600, 1, 3)), axis=0)
    series.collective_A[:] += drift * series.counts[None, :, None]
    series = replace(series, displacements_A=series.displacements_A + drift.astype(np.float32))
    at_rest, moving = (estimate_transport([series], {"Li": 1.0}, 600.0, frame=one) for one in (None, frame))
    assert moving["conductivity"].value == pytest.approx(at_rest["conductivity"].value, rel=0.02)
    assert moving["onsager_Li_Li"].value != pytest.approx(at_rest["onsager_Li_Li"].value, rel=0.1)


def test_what_the_frame_puts_to_rest_has_no_coefficient():
    matrix = [[1e-4, 3e-5], [3e-5, 1e-4]]
    series = [electrolyte(np.random.default_rng(5), 600, 20, matrix, 50.0)]
    found = estimate_transport(series, {"Li": 1.0, "Cl": -1.0}, 600.0, frame="framework:Cl")
    assert "rest by the choice of frame" in found["onsager_Cl_Cl"].reason
    assert "rests by the choice of frame" in found["onsager_Li_Cl"].reason
    assert isinstance(found["conductivity"], Estimate)


@pytest.mark.parametrize("rattle_A", [0.02, 0.2])
@pytest.mark.parametrize("frame", [None, "lab"])
def test_a_framework_that_rattles_as_a_whole_does_not_conduct(rattle_A, frame):
    inside, ratios = 0, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        series = brownian(rng, 1500, 24, 1e-4, 50.0)
        rattle = rng.normal(0, rattle_A, (1500, 3))
        series.collective_A[:, 1] += 8 * (rattle - rattle[0])
        found = estimate_transport([series], {"Li": 1.0}, 600.0, frame=frame)["conductivity"]
        if isinstance(found, Refusal):
            continue
        truth = 24 * 30.99  # mS/cm, see above
        inside += found.ci95[0] <= truth <= found.ci95[1]
        ratios.append(found.value / truth)
    assert len(ratios) >= (20 if rattle_A < 0.1 else 10)
    assert inside >= 0.85 * len(ratios)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.1)  # 1.8 and more without a look at the spectrum itself


def alone(charges=("Li",)):
    """Return ions without what neutralises them; each of the names has half of the ions of one run."""
    series = brownian(np.random.default_rng(3), 400, 24, DIFFUSION, 50.0)
    size = 24 // len(charges)
    parts = [series.displacements_A[:, place * size : (place + 1) * size] for place in range(len(charges))]
    return replace(
        series,
        species=tuple(charges),
        counts=np.full(len(charges), size),
        masses=np.array([6.94, 22.99][: len(charges)]),
        tracked=tuple(name for name in charges for _ in range(size)),
        collective_A=np.stack([part.sum(axis=1, dtype=float) for part in parts], axis=1),
        currents_A_fs=np.zeros((0, len(charges), 3)),
    )


def test_interval_of_two_carriers_is_as_wide_as_of_one_where_one_model_errs_on_both():
    members = [replace(alone(("Li", "Na")), replica=f"r{place}", member=f"m{place}") for place in range(3)]
    scaled = [
        replace(one, displacements_A=factor * one.displacements_A, collective_A=factor * one.collective_A)
        for one, factor in zip(members, (0.5, 1.0, 2.0), strict=True)
    ]
    charges = {"Li": 1.0, "Na": 1.0}
    found = estimate_transport(scaled, charges, 600.0, frame="lab")

    def widths(one):
        return [abs(edge - one.value) / one.value for edge in one.ci95]

    parts, total = [found[f"tracer_diffusion_{name}"] for name in charges], found["conductivity_nernst_einstein"]
    assert all(one.errors.model > 3 * one.errors.statistical for one in parts)
    mean = np.mean([widths(one) for one in parts], axis=0)
    assert widths(total) == pytest.approx(mean, rel=0.1)

    same = estimate_transport(members, charges, 600.0, frame="lab")
    parts, total = [same[f"tracer_diffusion_{name}"] for name in charges], same["conductivity_nernst_einstein"]
    assert total.errors.model == 0.0
    assert widths(total) == pytest.approx(np.mean([widths(one) for one in parts], axis=0) / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("names", [("Li",), ("Li", "Na")])
def test_ions_alone_have_diffusion_and_no_current(names):
    charges = dict.fromkeys(names, 1.0)
    found = estimate_transport([alone(names)], charges, 600.0, frame="lab")
    for name in names:
        assert found[f"tracer_diffusion_{name}"].value == pytest.approx(CM2_S, rel=0.1)
    assert found["conductivity_nernst_einstein"].value == pytest.approx(24 * MS_CM_PER_ION, rel=0.1)
    refused = {name for name, one in found.items() if isinstance(one, Refusal)}
    expected = {"conductivity", "haven_ratio", "onsager_Li_Li"}
    if len(names) > 1:
        expected |= {"onsager_Li_Na", "onsager_Na_Na", "transference_Li", "transference_Na"}
    assert refused == expected
    assert all("needs all atoms" in found[name].reason for name in refused)


@pytest.mark.parametrize("frame", [None, "com", "framework:Li"])
def test_ions_alone_need_the_laboratory_frame(frame):
    with pytest.raises(InputError, match=r"ions of one sign alone \(Li, \+24 e\).* add --frame lab") as refusal:
        estimate_transport([alone()], {"Li": 1.0}, 600.0, frame=frame)
    assert "leave" not in str(refusal.value)


def test_caged_ions_alone_have_no_bound_on_a_current_of_others():
    cage = np.random.default_rng(3).normal(0, 0.2, (400, 24, 3))
    series = replace(alone(), displacements_A=cage.astype(np.float32), collective_A=cage.sum(axis=1)[:, None])
    found = estimate_transport([series], {"Li": 1.0}, 600.0, frame="lab")
    assert found["conductivity_nernst_einstein"].upper_bound is not None
    assert found["conductivity"].upper_bound is None


def test_a_framework_given_no_charge_by_hand_is_not_ions_alone():
    series = brownian(np.random.default_rng(3), 100, 24, DIFFUSION, 50.0)
    with pytest.raises(InputError, match=r"sum to 24 e \(Li \+24 e, S \+0 e\).* leave a species that only neutralises"):
        estimate_transport([series], {"Li": 1.0, "S": 0.0}, 600.0, frame="lab")


@pytest.mark.parametrize("interval_fs", [1e-6, 1e12])
@pytest.mark.parametrize(("charge", "temperature_K"), [(1e-6, 1e6), (100.0, 1e-3)])
def test_numbers_stay_finite_at_the_bounds_of_what_is_accepted(interval_fs, charge, temperature_K):
    series = brownian(np.random.default_rng(3), 300, 24, DIFFUSION, interval_fs)
    for found in estimate_transport([series], {"Li": charge}, temperature_K).values():
        assert isinstance(found, Estimate | Refusal)
        if isinstance(found, Estimate):
            assert np.isfinite([found.value, found.std, *found.ci95]).all()


def test_a_time_between_frames_that_none_can_be_is_rejected():
    series = brownian(np.random.default_rng(3), 300, 24, DIFFUSION, 1e300)
    with pytest.raises(InputError, match=r"time between frames is 1e\+300; expected a positive number, in fs,"):
        estimate_transport([series], {"Li": 1.0}, 600.0)
