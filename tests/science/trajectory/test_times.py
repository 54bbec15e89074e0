"""What the file says of times, what the user says, and which holds: each case written out."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.times import interval_of

AKMA_FS = 48.88821


def interval(times=None, steps=None, counters=None, given=None):
    marks = {"time_fs": times, "step": steps, "counter": counters}
    frames = [
        Snapshot(np.zeros((1, 3)), None, **{name: values and values[k] for name, values in marks.items()})
        for k in range(2)
    ]
    return interval_of(Path("run.dcd"), *frames, given)


def test_a_file_with_times_needs_none():
    found = interval(times=[100.0, 150.0], steps=[200, 300])
    assert (found.fs, found.warnings) == (pytest.approx(50.0), ())


@pytest.mark.parametrize("given", [50.0, 0.5, 0.50001])
def test_what_the_file_says_too_is_no_warning(given):
    found = interval(times=[0.0, 50.0], steps=[0, 100], given=given)
    assert (found.fs, found.warnings) == (50.0, ())


# CP2K's DCD: DELTA 0.5 (fs), every 100 steps; read in AKMA units frames are 2444.41 fs apart, steps 24.44 fs
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.5, 50.0),  # the true MD step: DELTA itself
        (50.0, 50.0),  # the true time between frames
        (1.0, 100.0),  # another MD step
        (25.0, 25.0),  # longer than any MD step of atoms
        (2000.0, 2000.0),
    ],
)
def test_a_given_time_overrules_the_file_and_both_are_named(given, expected):
    found = interval(times=[0.0, 50 * AKMA_FS], steps=[0, 100], given=given)
    assert found.fs == pytest.approx(expected)
    (warning,) = found.warnings
    assert "the file says that frames are 2444.41 fs apart (100 MD steps of 24.4441 fs)" in warning
    assert f"--timestep-fs {given:g}" in warning
    assert f"makes them {expected:g} fs, which is taken" in warning


def test_frames_of_one_step_each_are_apart_by_the_time_given():
    # a converter that counts frames as steps of 1 ps
    found = interval(times=[0.0, 1000.0], steps=[0, 1], given=2.0)
    assert found.fs == 2.0
    assert interval(times=[0.0, 1000.0], given=2.0).fs == 2.0


def test_picoseconds_given_for_femtoseconds_are_told_by_their_factor():
    # 2 fs steps, 1000 of them: 2 ps a frame; given as 0.002 (ps)
    found = interval(times=[0.0, 2000.0], steps=[0, 1000], given=0.002)
    assert found.fs == pytest.approx(2.0)
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    ("times", "steps", "said"),
    [
        (
            [0.0, 50 * AKMA_FS],
            [0, 100],
            r"MD step is 24.44 fs; expected .* \(0.5 fs if it counts in fs and not in AKMA",
        ),
        ([0.0, 0.2], [0, 100], r"MD step is 0.002 fs; expected .* \(2 fs if it counts in ps\)"),
        ([0.0, 1000.0], [0, 1], "exactly 1 ps each, which looks like the default of a converter"),
        ([0.0, 1000.0], None, "exactly 1 ps each"),
        ([0.0, 1000.0], [0, 0], "exactly 1 ps each"),
    ],
)
def test_headers_that_contradict_physics_or_look_made_up_are_warned_of(times, steps, said):
    found = interval(times=times, steps=steps)
    assert found.fs == pytest.approx(times[1])
    (warning,) = found.warnings
    assert re.search(said, warning), warning
    assert "--timestep-fs" in warning


@pytest.mark.parametrize(
    ("times", "steps"),
    [([0.0, 50.0], [0, 100]), ([0.0, 1000.0], [0, 500]), ([5e5, 501000.0], [250, 251]), ([0.0, 50.0], [0, 10])],
)
def test_usual_headers_are_no_warning(times, steps):
    assert interval(times=times, steps=steps).warnings == ()


def test_a_file_that_counts_steps_takes_the_md_step():
    found = interval(steps=[700, 800], given=0.5)
    assert (found.fs, found.source, found.warnings) == (50.0, "--timestep-fs 0.5 × 100 MD steps", ())
    (warning,) = interval(steps=[0, 100], given=50.0).warnings
    assert "if frames are 50 fs apart give --timestep-fs 0.5" in warning


def test_a_file_without_times_takes_the_time_between_frames():
    assert interval(given=50.0).fs == 50.0
    assert interval(counters=[4, 5], given=50.0).fs == 50.0
    assert interval(times=[0.0, 0.0], given=50.0).fs == 50.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, r"tells no times; expected the time between its frames \[fs\]; give --timestep-fs"),
        ({"steps": [0, 5]}, r"tells no times; expected the MD step \[fs\]; give --timestep-fs"),
        ({"steps": [5, 5], "given": 1.0}, "is not later than the first"),
        ({"times": [5.0, 4.0], "given": 1.0}, "is not later than the first"),
    ],
)
def test_times_must_come_from_somewhere_and_grow(words, said):
    with pytest.raises(InputError, match=said):
        interval(**words)


def test_steps_make_single_precision_times_exact():
    late = np.float32(90_000.05)  # ps, in single precision off by 0.003
    found = interval(times=[float(np.float32(90_000.0)) * 1e3, float(late) * 1e3], steps=[180_000_000, 180_000_100])
    assert found.fs == pytest.approx(50.0, rel=1e-5)
    assert not math.isclose(float(late) * 1e3 - 9e7, 50.0, rel_tol=1e-3)


def test_times_late_in_single_precision_are_doubted_unless_steps_make_them_exact():
    # float32 numbers near 10⁶ ps are 1/16 ps apart: 50 fs become 62.5 fs
    late = [1000.0 * float(np.float32(time_ps)) for time_ps in (1e6, 1e6 + 0.05)]
    found = interval(times=late)
    assert found.fs == pytest.approx(62.5)
    assert "single precision" in found.warnings[0]
    found = interval(times=late, steps=[500_000_000, 500_000_025])
    assert (found.fs, found.warnings) == (pytest.approx(50.0), ())
    assert interval(times=late, given=50.0).fs == 50.0
    soon = [1000.0 * float(np.float32(time_ps)) for time_ps in (100.0, 100.05)]
    assert interval(times=soon).warnings == ()
