"""A time step wrong by ten or a thousand is told, where it can be; a right one is not."""

import math
from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.transport.plausibility import check_time_step
from aiida_elyte.science.transport.synthetic import ballistic_then_diffusive, brownian

TEMPERATURE_K = 600.0
# 3 k T / m = 3 × 8.314 J/(mol K) × 600 K / 6.94e-3 kg/mol = 2.156e6 m²/s²: 1468 m/s, 0.01468 Å/fs
THERMAL_A_FS = 0.01468


def rescaled(series, factor):
    """Return the series as if its time step had been given ``factor`` times too large."""
    return replace(series, time_fs=series.time_fs * factor)


def number(line, words):
    """Return the number that follows some words."""
    return float(line.split(words)[1].split()[0])


def walk(diffusion_A2_fs=1e-4, n_times=200):
    return brownian(np.random.default_rng(3), n_times, 50, diffusion_A2_fs, 50.0)


def flight():
    """Return ions at their thermal velocity, D = τ v²/3, framework at rest, in frames a fifth of τ apart."""
    relaxation_fs = 50.0
    diffusion = relaxation_fs * THERMAL_A_FS**2 / 3
    return ballistic_then_diffusive(np.random.default_rng(5), 400, 50, diffusion, relaxation_fs, 10.0)


def test_right_time_steps_pass():
    assert check_time_step(walk(), TEMPERATURE_K) is None
    assert check_time_step(flight(), TEMPERATURE_K) is None


def test_free_flight_itself_passes():
    rng = np.random.default_rng(1)
    velocities = rng.normal(0, THERMAL_A_FS / math.sqrt(3), (50, 3))
    series = walk(n_times=20)
    path = np.arange(20)[:, None, None] * 50.0 * velocities
    path -= path.mean(axis=1, keepdims=True)
    series = replace(series, displacements_A=path.astype(np.float32), collective_A=np.zeros_like(series.collective_A))
    assert check_time_step(series, TEMPERATURE_K) is None
    assert check_time_step(rescaled(series, 0.5), TEMPERATURE_K) is not None


@pytest.mark.parametrize("factor", [0.1, 0.001])
def test_steps_given_too_small_outrun_free_flight(factor):
    # √(6 D Δt) = √(6 × 1e-4 × 50) = 0.173 Å take 11.8 fs at least; seen from the centre of mass it is 1 % less
    line = check_time_step(rescaled(walk(), factor), TEMPERATURE_K)
    assert f"in {50 * factor:g} fs" in line
    assert number(line, "Li moves") == pytest.approx(0.173, rel=0.02)
    assert number(line, "expected at least") == pytest.approx(11.8, rel=0.02)
    assert number(line, "mean square),") == pytest.approx(11.8 / (50 * factor), rel=0.02)


@pytest.mark.parametrize("factor", [10, 1000])
def test_steps_given_too_large_look_like_slow_diffusion_without_velocities(factor):
    assert check_time_step(rescaled(walk(), factor), TEMPERATURE_K) is None


@pytest.mark.parametrize("factor", [10, 1000])
def test_velocities_show_a_step_given_too_large(factor):
    line = check_time_step(rescaled(flight(), factor), TEMPERATURE_K)
    assert number(line, "(frames") == pytest.approx(10.0, rel=0.05)


@pytest.mark.parametrize("factor", [0.1, 0.001])
def test_velocities_show_a_step_given_too_small_when_no_ion_is_followed(factor):
    series = rescaled(flight(), factor)
    assert "free flight" in check_time_step(series, TEMPERATURE_K)
    hidden = replace(series, tracked=(), displacements_A=series.displacements_A[:, :0])
    assert number(check_time_step(hidden, TEMPERATURE_K), "(frames") == pytest.approx(10.0, rel=0.05)


def test_velocities_too_far_apart_tell_nothing():
    series = ballistic_then_diffusive(np.random.default_rng(5), 400, 50, 1e-4, 5.0, 50.0)
    assert check_time_step(rescaled(series, 10), TEMPERATURE_K) is None


def test_molecules_have_the_mass_of_molecules():
    # 280 amu instead of 6.94: free flight is √(280/6.94) = 6.35 times slower, so that 50 fs are too short
    series = replace(walk(), masses=np.array([280.0, 32.06]))
    assert number(check_time_step(series, TEMPERATURE_K), "expected at least") == pytest.approx(11.8 * 6.35, rel=0.05)


def test_gaseous_diffusion_is_told():
    # 0.2 Å²/fs = 2e-2 cm²/s; at 1e6 fs a step is slower than free flight
    series = brownian(np.random.default_rng(3), 40, 50, 0.2, 1e6)
    assert number(check_time_step(series, TEMPERATURE_K), "at about") == pytest.approx(0.02, rel=0.25)


def test_drift_of_the_whole_system_is_no_motion():
    series = walk()
    drift = np.linspace(0, 5000, len(series.time_fs))[:, None]
    moved = replace(
        series,
        displacements_A=series.displacements_A + drift[:, None].astype(np.float32),
        collective_A=series.collective_A + drift[:, None] * series.counts[None, :, None],
    )
    assert check_time_step(moved, TEMPERATURE_K) is None


@pytest.mark.parametrize("kinetic_K", [300.0, 600.0, 1200.0, 6e8, 6e-4])
def test_a_kinetic_temperature_far_from_the_one_given_is_told(kinetic_K):
    series = walk()
    said = check_time_step(replace(series, temperature_K=np.full(len(series.time_fs), kinetic_K)), TEMPERATURE_K)
    if kinetic_K in (300.0, 600.0):  # rigid bonds and fixed atoms lower it
        assert said is None
    else:
        assert number(said, "kinetic temperature of") == pytest.approx(kinetic_K)


def test_one_sample_tells_nothing():
    assert check_time_step(walk(n_times=1), TEMPERATURE_K) is None


@pytest.mark.parametrize("temperature", [0.0, -3.0, math.nan])
def test_temperature_must_be_positive(temperature):
    with pytest.raises(InputError, match="expected a positive number"):
        check_time_step(walk(), temperature)


# --- times given too long, without velocities


def hopping(step_fs, n_frames=400, n_ions=40, period_fs=80.0, temperature_K=TEMPERATURE_K):
    """Return ions in harmonic wells, phases and amplitudes thermal: r = Σ A cos(ωt + φ), ⟨v²⟩ = 3kT/m."""
    rng = np.random.default_rng(11)
    frequency = 2 * math.pi / (period_fs * rng.uniform(0.8, 1.25, (n_ions, 3)))
    speed = THERMAL_A_FS * math.sqrt(temperature_K / 600.0 / 3)
    amplitude = speed / frequency * rng.normal(0, 1, (2, n_ions, 3))
    times = np.arange(n_frames)[:, None, None] * step_fs
    moved = amplitude[0] * np.cos(frequency * times) + amplitude[1] * np.sin(frequency * times)
    moved -= moved[0]
    series = walk(n_times=n_frames)
    return replace(
        series,
        time_fs=np.arange(n_frames) * step_fs,
        tracked=("Li",) * n_ions,
        displacements_A=moved.astype(np.float32),
        collective_A=np.zeros_like(series.collective_A),
    )


@pytest.mark.parametrize("step_fs", [0.5, 2.0, 5.0, 10.0, 13.0])
def test_ions_that_still_fly_tell_their_time(step_fs):
    series = hopping(step_fs)
    assert check_time_step(series, TEMPERATURE_K) is None
    for factor in (48.88821, 1000.0):
        line = check_time_step(rescaled(series, factor), TEMPERATURE_K)
        assert "Li flies straight on" in line
        assert number(line, f"at {TEMPERATURE_K:g} K takes") == pytest.approx(step_fs, rel=0.15)


@pytest.mark.parametrize("step_fs", [20.0, 50.0, 100.0, 1000.0])
def test_vibrations_at_any_right_spacing_pass(step_fs):
    assert check_time_step(hopping(step_fs), TEMPERATURE_K) is None


def test_ions_in_a_steady_flow_do_not_fly():
    series = walk()
    flow = 0.05 * np.arange(len(series.time_fs))[:, None]
    moved = replace(
        series,
        displacements_A=series.displacements_A + flow[:, None].astype(np.float32),
        collective_A=series.collective_A
        + flow[:, None] * series.counts[None, :, None] * np.array([1, 0])[None, :, None],
    )
    assert check_time_step(moved, TEMPERATURE_K) is None


def test_ions_that_move_less_than_the_stiffest_bond_lets_them_stand_still():
    # √(6 k T/K) = √(6 × 8.284e-21 J / 1500 N/m) = 0.0576 Å at 600 K, of which half is expected
    series = hopping(500.0)
    still = replace(series, displacements_A=series.displacements_A * 0.02)
    line = check_time_step(still, TEMPERATURE_K)
    assert number(line, "expected") == pytest.approx(0.0576 / 2, rel=0.02)
    assert check_time_step(replace(still, time_fs=still.time_fs / 10), TEMPERATURE_K) is None  # 50 fs may be too short
    fixed = replace(series, displacements_A=np.zeros_like(series.displacements_A))
    assert check_time_step(fixed, TEMPERATURE_K) is None


@pytest.mark.parametrize("factor", [1.0, 10.0, 48.9])
def test_a_real_trajectory_at_its_spacing_or_a_plausible_one_passes(shared_data, factor):
    path = shared_data / "trajectories" / "Li6PS5Cl_XDATCAR"
    series, _ = reduce_trajectory(open_trajectory(path, timestep_fs=100.0 * factor))
    assert check_time_step(series, TEMPERATURE_K) is None
