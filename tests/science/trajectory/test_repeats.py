"""Frames that stand twice, runs joined in one file, counters that start anew: as the unbroken run, or rejected."""

import numpy as np
import pytest
from MDAnalysis.lib.formats.libdcd import DCDFile

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.repeats import digest_of

N_FRAMES = 24
SIDE = 9.0
EVERY = 10
SYMBOLS = ["Li", "Li", "S"]
WALK = (4.0 + np.cumsum(np.random.default_rng(2).normal(0.0, 0.1, (N_FRAMES, 3, 3)), axis=0)).round(4)
"""Positions of an unbroken run, to the printed digit."""


def write_dump(path, order, positions=WALK, steps=None):
    steps = [EVERY * index for index in order] if steps is None else steps
    text = []
    for index, step in zip(order, steps, strict=True):
        rows = "\n".join(f"{atom + 1} {SYMBOLS[atom]} {x:.4f} {y:.4f} {z:.4f}"
                         for atom, (x, y, z) in enumerate(positions[index]))  # fmt: skip
        text.append(
            f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n3\nITEM: BOX BOUNDS pp pp pp\n" + f"0 {SIDE}\n" * 3
        )
        text.append(f"ITEM: ATOMS id element x y z\n{rows}\n")
    path.write_text("".join(text))
    return {"timestep_fs": 1.0}


def write_extxyz(path, order, positions=WALK, comments=None):
    text = []
    for place, index in enumerate(order):
        comment = "" if comments is None else comments[place]
        rows = "".join(f"{name} {x:.4f} {y:.4f} {z:.4f}\n"
                       for name, (x, y, z) in zip(SYMBOLS, positions[index], strict=True))  # fmt: skip
        head = f'Lattice="{SIDE} 0 0 0 {SIDE} 0 0 0 {SIDE}" Properties=species:S:1:pos:R:3 {comment}'
        text.append(f"3\n{head}\n{rows}")
    path.write_text("".join(text))
    return {"timestep_fs": float(EVERY)}


def write_timed(path, order, positions=WALK):
    return write_extxyz(path, order, positions, [f"time_fs={EVERY * index}" for index in order]) | {"timestep_fs": None}


def write_numbered(path, order, positions=WALK):
    return write_extxyz(path, order, positions, [f"step={place}" for place in range(len(order))])


def write_xdatcar(path, order, positions=WALK):
    text = [f"run\n1.0\n{SIDE} 0 0\n0 {SIDE} 0\n0 0 {SIDE}\nLi S\n2 1\n"]
    for number, index in enumerate(order):
        rows = "".join("{:.8f} {:.8f} {:.8f}\n".format(*row) for row in positions[index] / SIDE)
        text.append(f"Direct configuration= {number + 1}\n{rows}")
    path.write_text("".join(text))
    return {"timestep_fs": float(EVERY)}


def write_dcd(path, order, positions=WALK):
    with DCDFile(str(path), "w") as file:
        file.write_header("made by hand", 3, 0, EVERY, 1.0 / 48.88821, 1)
        for index in order:
            file.write(positions[index].astype(np.float32), [SIDE, 0.0, SIDE, 0.0, 0.0, SIDE])
    return {"symbols": SYMBOLS}


WRITERS = {
    "dump": write_dump,
    "extxyz": write_extxyz,
    "timed": write_timed,
    "numbered": write_numbered,
    "XDATCAR": write_xdatcar,
    "dcd": write_dcd,
}
RUN = list(range(N_FRAMES))
REPEATS = {
    "the first frame twice": [0, *RUN],
    "one at a seam": [*RUN[:9], *RUN[8:]],
    "three times": [*RUN[:9], 8, 8, *RUN[9:]],
    "every five": [index for index in RUN for _ in range(1 + (index % 5 == 4))],
    "the last frame twice": [*RUN, N_FRAMES - 1],
    "appended after a crash": [*RUN[:15], *RUN[10:]],
    "appended twice": [*RUN[:15], *RUN[10:18], *RUN[12:]],
    "written twice as a whole": [*RUN, *RUN],
    "an overlap to its end only": [*RUN, *RUN[18:]],
}


def positions_of(trajectory, start=0, state=None):
    return np.array([frame.positions_A for frame in trajectory.frames(start, state)])


@pytest.mark.parametrize("order", REPEATS.values(), ids=REPEATS)
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_repeated_frames_are_left_out_with_a_note(tmp_path, kind, order, stride):
    options = WRITERS[kind](tmp_path / "run", order)
    trajectory = open_trajectory(tmp_path / "run", stride=stride, **options)
    np.testing.assert_allclose(positions_of(trajectory), WALK[::stride], atol=1e-6)
    assert trajectory.interval_fs == pytest.approx(EVERY * stride)
    if stride == 1:  # else what comes after the last frame wanted may stay unread
        assert trajectory.n_dropped == len(order) - N_FRAMES
        assert "left out" in " ".join(trajectory.notes)
    for start in (1, 3):
        np.testing.assert_allclose(positions_of(trajectory, start), WALK[::stride][start:], atol=1e-6)


@pytest.mark.parametrize("kind", WRITERS)
def test_an_unbroken_run_has_no_notes(tmp_path, kind):
    trajectory = open_trajectory(tmp_path / "run", **WRITERS[kind](tmp_path / "run", RUN))
    assert len(positions_of(trajectory)) == N_FRAMES
    assert (trajectory.notes, trajectory.n_dropped) == ((), 0)


def test_notes_name_the_frames_and_what_they_repeat(tmp_path):
    write_extxyz(tmp_path / "run", [0, 1, 1, 2, 3, 4, 2, 3, 4, 5])
    trajectory = open_trajectory(tmp_path / "run", timestep_fs=1.0)
    assert len(positions_of(trajectory)) == 6
    assert trajectory.notes == (
        "frame 2 has the positions of the one before and is left out",
        "3 frames repeat earlier ones to the last digit and are left out: 6–8 (as 3–5)",
    )


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("n_done", [1, 2, 9, 12, 20])
@pytest.mark.parametrize("stride", [1, 2])
def test_going_on_from_a_state_equals_going_through(tmp_path, kind, n_done, stride):
    order = REPEATS["appended twice"]
    options = WRITERS[kind](tmp_path / "run", order) | {"stride": stride}
    whole = open_trajectory(tmp_path / "run", **options)
    expected = positions_of(whole)
    n_done = min(n_done, len(expected) - 1)
    halted = open_trajectory(tmp_path / "run", **options)
    frames = halted.frames()
    for _ in range(n_done):
        next(frames)
    state = halted.state_dict()
    resumed = open_trajectory(tmp_path / "run", **options)
    np.testing.assert_array_equal(positions_of(resumed, n_done, state), expected[n_done:])
    assert resumed.notes == whole.notes


@pytest.mark.parametrize("kind", WRITERS)
def test_a_run_done_again_that_goes_another_way_is_rejected(tmp_path, kind):
    other = np.concatenate([WALK, WALK[11:] + 0.05])  # frame 10, then frames 11′, 12′, …
    options = WRITERS[kind](tmp_path / "run", [*RUN[:15], 10], other)
    again = [10, *range(N_FRAMES, N_FRAMES + 6)]
    if kind == "dump":
        options = write_dump(tmp_path / "run", [*RUN[:15], *again], other, [*range(0, 150, 10), *range(100, 170, 10)])
    elif kind == "timed":
        times = [*range(0, 150, 10), *range(100, 170, 10)]
        options = write_extxyz(tmp_path / "run", [*RUN[:15], *again], other, [f"time_fs={time}" for time in times])
        options["timestep_fs"] = None
    else:
        options = WRITERS[kind](tmp_path / "run", [*RUN[:15], *again], other)
    with pytest.raises(InputError, match=r"^frame 16 of \S+run .*expected one run in order of time.*part_000") as error:
        positions_of(open_trajectory(tmp_path / "run", **options))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("stride", [1, 3])
def test_steps_that_start_anew_go_on_where_the_seam_shows_it(tmp_path, stride):
    # reset_timestep 0 after frame 9, which the second run writes again as its first
    write_dump(tmp_path / "run", [*RUN[:10], *RUN[9:]], WALK, [*range(0, 100, 10), *range(0, 150, 10)])
    trajectory = open_trajectory(tmp_path / "run", timestep_fs=1.0, stride=stride)
    np.testing.assert_allclose(positions_of(trajectory), WALK[::stride])
    assert any("start anew at frame 10; taken as the run going on" in note for note in trajectory.notes)


def test_steps_that_start_anew_without_a_common_frame(tmp_path):
    write_dump(tmp_path / "run", RUN, WALK, [*range(0, 100, 10), *range(10, 150, 10)])
    trajectory = open_trajectory(tmp_path / "run", timestep_fs=1.0)
    np.testing.assert_allclose(positions_of(trajectory), WALK)
    assert any("move no further from the frame before than usual" in note for note in trajectory.notes)
    strange = WALK.copy()
    strange[10:] += np.random.default_rng(1).normal(0, 1.0, (3, 3))
    write_dump(tmp_path / "run", RUN, strange, [*range(0, 100, 10), *range(10, 150, 10)])
    with pytest.raises(InputError, match=r"^frame 10 of \S+ steps back behind the frame before"):
        positions_of(open_trajectory(tmp_path / "run", timestep_fs=1.0))


def test_a_frame_wrapped_and_rounded_anew_at_the_same_step_is_left_out(tmp_path):
    moved = np.concatenate([WALK, WALK[8:9] + [SIDE, 0, -SIDE] + 1e-4])
    steps = [*range(0, 90, 10), 80, *range(90, 240, 10)]
    write_dump(tmp_path / "run", [*RUN[:9], N_FRAMES, *RUN[9:]], moved, steps)
    trajectory = open_trajectory(tmp_path / "run", timestep_fs=1.0)
    np.testing.assert_allclose(positions_of(trajectory), WALK)
    moved[-1] += 0.02
    write_dump(tmp_path / "run", [*RUN[:9], N_FRAMES, *RUN[9:]], moved, steps)
    with pytest.raises(InputError, match=r"^frame 9 of \S+ steps back behind the frame before with positions of its"):
        positions_of(open_trajectory(tmp_path / "run", timestep_fs=1.0))


@pytest.mark.parametrize("kind", WRITERS)
def test_atoms_that_never_move_are_rejected(tmp_path, kind):
    options = WRITERS[kind](tmp_path / "run", [3] * 5)
    with pytest.raises(InputError, match=r"all 5 frames of \S+run have the same positions; expected atoms that move"):
        open_trajectory(tmp_path / "run", **options)


def test_the_same_positions_at_a_later_step_are_rejected(tmp_path):
    write_dump(tmp_path / "run", [0, 1, 2, 3, 3, 4, 5], WALK, range(0, 70, 10))
    with pytest.raises(InputError, match=r"frame 4 of \S+ has the positions of frame 3 to the last digit, but comes"):
        positions_of(open_trajectory(tmp_path / "run", timestep_fs=1.0))


def test_a_gap_is_still_rejected_after_repeats(tmp_path):
    write_dump(tmp_path / "run", [0, 1, 2, 3, 3, 5, 6])
    with pytest.raises(InputError, match=r"frame 5 of \S+ comes 20 steps after the one before, the second 10 after"):
        positions_of(open_trajectory(tmp_path / "run", timestep_fs=1.0))


def test_reduced_series_with_repeats_equal_the_unbroken_one(tmp_path):
    write_extxyz(tmp_path / "run", REPEATS["appended twice"])
    write_extxyz(tmp_path / "whole", RUN)
    broken, whole = (
        reduce_trajectory(open_trajectory(tmp_path / name, timestep_fs=1.0))[0] for name in ("run", "whole")
    )
    np.testing.assert_array_equal(broken.collective_A, whole.collective_A)
    np.testing.assert_array_equal(broken.time_fs, whole.time_fs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_atoms", [7, 30, 3000])
def test_digests_tell_positions_apart(dtype, n_atoms):
    rng = np.random.default_rng(0)
    lattice = rng.integers(0, 8, (n_atoms, 3)).astype(dtype)  # few digits, so that most bits are zero
    known = {digest_of(lattice)}
    assert digest_of(lattice.copy()) in known
    for _ in range(200):
        hopped = lattice + rng.integers(-1, 2, lattice.shape) * (1 + lattice.max())
        assert digest_of(hopped.astype(dtype)) not in known
        known.add(digest_of(hopped.astype(dtype)))
