import io

import numpy as np
import pytest

from aiida_elyte.science.lammps.compression import Compression, compression_stages

pytest.importorskip("matplotlib")

from matplotlib.image import imread

from aiida_elyte.report.box_figures import draw_schedule, draw_settling
from aiida_elyte.report.style import BLUE, COLOURS


def pixels(picture):
    return (imread(io.BytesIO(picture))[:, :, :3] * 255).round().astype(int)


def columns_of(picture, colour, tolerance=2):
    """Return the columns in which a colour occurs."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    return np.flatnonzero((np.abs(pixels(picture) - wanted) <= tolerance).all(axis=2).any(axis=0))


def records():
    time = np.arange(0, 40, 0.01)
    noise = np.random.default_rng(0).normal(size=len(time))
    return {
        "time_ps": time,
        "settle_from_ps": np.array(20.0),
        "density_g_cm3": 1.1 - 0.8 * np.exp(-time) + 0.01 * noise,
        "pressure_bar": 1e3 * noise,
        "temperature_K": 363 + 5 * noise,
    }


def test_the_schedule_shows_temperature_and_pressure():
    picture = draw_schedule(compression_stages(363.0, 1.0, Compression()))
    # The last stage, NPT at the target, takes more than half of the time: both lines reach the right end.
    width = pixels(picture).shape[1]
    for colour in (COLOURS[1], BLUE):
        assert columns_of(picture, colour).max() > 0.97 * width


def test_the_equilibrium_part_is_where_its_mean_is_drawn():
    means = {"density_g_cm3": (1.1, 0.001), "pressure_bar": (1.0, 9.0), "temperature_K": (363.0, 0.1)}
    early, late = (draw_settling(records(), begins, means, None) for begins in (22.0, 38.0))
    assert np.ptp(columns_of(early, COLOURS[1])) > 3 * np.ptp(columns_of(late, COLOURS[1]))
