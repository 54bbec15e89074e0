"""Restart files that a kill has cut short are not taken."""

import pytest

from aiida_elyte.science.lammps.restarts import newest_restart, prune_restarts
from aiida_elyte.science.lammps.run import Point

MAGIC = b"LammpS RestartT\0"


def write(folder, point, content=MAGIC + b"x" * 40 + MAGIC):
    (folder / point.restart_name).write_bytes(content)
    return point


@pytest.mark.parametrize("torn", [b"", MAGIC, MAGIC + b"x" * 40, b"x" * 40 + MAGIC])
def test_the_newest_whole_file_is_taken(tmp_path, torn):
    assert newest_restart(tmp_path) is None
    write(tmp_path, Point(0, 100))
    whole = write(tmp_path, Point(1, 2000))
    write(tmp_path, Point(1, 3000), torn)
    (tmp_path / "restart.note").write_text("no restart file")
    assert newest_restart(tmp_path) == whole


def test_files_older_than_two_whole_ones_go(tmp_path):
    points = [write(tmp_path, Point(0, step)) for step in (100, 200, 300, 400)]
    torn = write(tmp_path, Point(0, 500), MAGIC)
    prune_restarts(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {point.restart_name for point in (*points[2:], torn)}
