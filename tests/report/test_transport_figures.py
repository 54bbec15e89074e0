"""Pictures of a transport analysis: those the data allow, drawn from what the numbers come from."""

from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.report.transport_figures import _power, draw_transport
from aiida_elyte.science.transport.estimates import estimate_transport
from aiida_elyte.science.transport.references import parse_reference
from aiida_elyte.science.transport.synthetic import ballistic_then_diffusive, brownian, caged, electrolyte, series_of
from aiida_elyte.science.transport.windows import msd_curve
from aiida_elyte.units import CM2_S

PNG = b"\x89PNG\r\n\x1a\n"
IONS = {"Li": 1.0, "Cl": -1.0}


def pictures(series, charges, **options):
    quantities = estimate_transport(series, charges, 600.0, **options)
    drawn = draw_transport(series, charges, 600.0, quantities, **options)
    assert all(content.startswith(PNG) for content in drawn.values())
    return set(drawn)


def salt(seed=1):
    return electrolyte(np.random.default_rng(seed), 200, 8, [[1e-4, 3e-5], [3e-5, 1e-4]], 50.0)


def test_one_carrier_has_no_matrix():
    series = [brownian(np.random.default_rng(k), 200, 8, 1e-4, 50.0, replica=f"r{k}") for k in range(2)]
    assert pictures(series, {"Li": 1.0}) == {"msd", "spectrum"}


@pytest.mark.parametrize("frame", [None, "solvent:O"])
def test_two_carriers_have_a_matrix(frame):
    assert pictures([salt()], IONS, frame=frame) == {"msd", "spectrum", "onsager"}


def test_currents_have_a_running_integral():
    series = ballistic_then_diffusive(np.random.default_rng(1), 1000, 8, 1e-3, 50.0, 10.0)
    assert pictures([series], {"Li": 1.0}) == {"msd", "spectrum", "green_kubo"}


def test_without_a_window_the_motion_is_drawn_all_the_same():
    series = caged(np.random.default_rng(1), 200, 8, 0.6, 100.0, 50.0)
    assert pictures([series], {"Li": 1.0}) == {"msd", "spectrum"}


def test_ions_that_do_not_move_are_no_picture():
    assert pictures([series_of(np.zeros((60, 4, 3)), 50.0)], {"Li": 1.0}) == set()


def test_neutral_species_are_drawn_and_carry_nothing():
    assert pictures([salt()], {"Li": 1.0, "Cl": 0.0}) == {"msd", "spectrum"}


@pytest.mark.parametrize("n_times", [40, 1000])
def test_points_of_a_spectrum_average_to_the_diffusion_coefficient(n_times):
    series = brownian(np.random.default_rng(2), n_times, 60, 1e-4, 50.0)
    frequency, power = _power(msd_curve([series], "Li", parse_reference("lab", series, {})))
    assert frequency[0] == pytest.approx(1e3 / (2 * (n_times - 1) * 50.0))  # 1/2T
    assert frequency[-1] < 1e3 / (2 * 50.0) * (1 + 1e-9)  # 1/2Δt
    assert (np.diff(frequency) > 0).all()
    assert power.mean() == pytest.approx(1e-4 * CM2_S, rel=0.1)


def test_unknown_frames_are_refused():
    series = [salt()]
    quantities = estimate_transport(series, IONS, 600.0)
    with pytest.raises(InputError, match="frame is"):
        draw_transport(series, IONS, 600.0, quantities, frame="moon")


def test_a_replica_too_short_to_be_used_is_not_drawn():
    long, short = salt(), salt(2)
    short = replace(short, **{name: getattr(short, name)[:20] for name in ("time_fs", "collective_A", "volume_A3")})
    short = replace(short, displacements_A=short.displacements_A[:20], temperature_K=short.temperature_K[:20])
    one, both = ([long], [long, short])
    quantities = estimate_transport(one, IONS, 600.0)
    assert draw_transport(one, IONS, 600.0, quantities) == draw_transport(both, IONS, 600.0, quantities)
