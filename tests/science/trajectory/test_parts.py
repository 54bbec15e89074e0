"""Parts of a trajectory as a chain of killed jobs leaves them, against the frames of an unbroken one."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory

STRIDE = 10
WALK = np.cumsum(np.random.default_rng(2).normal(0.0, 0.3, (20, 3, 3)), axis=0)
"""Positions at steps 0, 10, …, 190."""


def frame(step):
    rows = "\n".join(f"{atom + 1} 1 {x:.6f} {y:.6f} {z:.6f}" for atom, (x, y, z) in enumerate(WALK[step // STRIDE]))
    return (
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n3\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
        f"ITEM: ATOMS id type xu yu zu\n{rows}\n"
    )


def write(folder, *parts, torn=()):
    """Write parts, each with the frames of a range of steps; of those torn, half of the next frame too."""
    for number, (first, last) in enumerate(parts):
        text = "".join(frame(step) for step in range(first, last + 1, STRIDE))
        if number in torn:
            text += frame(last + STRIDE)[:90]
        (folder / f"part_{number:03d}.lammpstrj").write_text(text)
    return folder


def opened(folder, **options):
    return open_trajectory(folder, timestep_fs=2.0, symbols=["Li"] * 3, **options)


def positions(trajectory, start=0):
    return np.array([one.positions_A for one in trajectory.frames(start)])


CHAINS = {
    "one after the other": [(0, 90), (100, 190)],
    "the frame of the restart file in both": [(0, 100), (100, 190)],
    "run again after a kill": [(0, 120), (80, 110), (90, 190)],
    "killed before it passed the one before": [(0, 120), (80, 90), (80, 190)],
    "an older restart file taken": [(0, 120), (100, 150), (60, 190)],
    "nothing finished": [(0, 120), (130, 120), (110, 190)],
    "one frame each": [(0, 0), (10, 10), (20, 190)],
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("start", [0, 1, 4, 6])
def test_joined_parts_are_the_unbroken_trajectory(tmp_path, chain, stride, start):
    trajectory = opened(write(tmp_path, *chain, torn=[0]), stride=stride)
    np.testing.assert_allclose(positions(trajectory, start), WALK[::stride][start:], atol=1e-6)
    assert trajectory.interval_fs == 2.0 * STRIDE * stride


def test_parts_by_name_equal_their_folder(tmp_path):
    write(tmp_path, (0, 100), (100, 190))
    by_name = opened([tmp_path / "part_000.lammpstrj", tmp_path / "part_001.lammpstrj"])
    np.testing.assert_array_equal(positions(by_name), positions(opened(tmp_path)))


def test_reduced_parts_equal_the_reduced_whole(tmp_path):
    (tmp_path / "whole").mkdir()
    write(tmp_path, (0, 120), (80, 190))
    write(tmp_path / "whole", (0, 190))
    (parts, notes), (whole, _) = (reduce_trajectory(opened(place)) for place in (tmp_path, tmp_path / "whole"))
    np.testing.assert_array_equal(parts.collective_A, whole.collective_A)
    np.testing.assert_array_equal(parts.displacements_A, whole.displacements_A)
    (note,) = notes
    assert note.startswith("frames that a later part wrote again are taken from there")
    assert note.endswith("left out of part_000.lammpstrj (from step 80 on)")


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        (
            [(0, 50), (80, 190)],
            "part_000.lammpstrj ends before step 60, the next part begins at step 80; expected no gap",
        ),
        (
            [(0, 50), (65, 190)],
            "part_000.lammpstrj has frames 10 steps apart from step 0 on, the next part begins at step 65",
        ),
    ],
)
def test_gaps_and_steps_that_do_not_fit_are_refused(tmp_path, chain, said):
    with pytest.raises(InputError) as failure:
        positions(opened(write(tmp_path, *chain)))
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_folder_without_parts_and_a_part_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no part_\*\.lammpstrj; expected a trajectory"):
        opened(tmp_path)
    write(tmp_path, (0, 50))
    with pytest.raises(InputError, match=r"part .*part_001\.lammpstrj is not there"):
        opened([tmp_path / "part_000.lammpstrj", tmp_path / "part_001.lammpstrj"])
    with pytest.raises(InputError, match="list of parts is empty"):
        opened([])


def test_parts_without_steps_are_refused(tmp_path):
    text = '1\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3\nLi 0 0 0\n'
    names = [tmp_path / "a.xyz", tmp_path / "b.xyz"]
    for name in names:
        name.write_text(text)
    with pytest.raises(InputError, match="tells no steps; expected frames with steps"):
        open_trajectory(names, timestep_fs=1.0)
