"""What is read of replicas, and what is rejected."""

import gzip

import numpy as np
import pytest

from aiida_elyte.api.replicas import Sources, read_replica_system
from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import pack_series
from tests.trajectories import INTERVAL_FS, bare, solid, xdatcar

LI = {"Li": 1.0}


def sources(*paths, timestep_fs=INTERVAL_FS, stride=1):
    return Sources(paths, None, {}, timestep_fs, None, None, stride, "real")


def test_what_is_read_of_a_trajectory_in_two_lines(crystal_file):
    (replica,) = read_replica_system(sources(crystal_file), LI).replicas
    assert replica.describe() == [
        f"{crystal_file}: frames 50 fs apart, --timestep-fs 50",
        "extended XYZ, Li24S6 (30 atoms); 300 frames, 14.95 ps; cell 12 12 12 Å, 90 90 90°",
    ]
    assert replica.volume_A3 == dict.fromkeys(("mean", "min", "max"), pytest.approx(1728.0))


def test_what_is_read_of_reduced_series(crystal_file, tmp_path):
    series, _ = reduce_trajectory(open_trajectory(crystal_file, timestep_fs=INTERVAL_FS))
    np.savez(tmp_path / "series.npz", **pack_series([series]))
    system = read_replica_system(sources(tmp_path / "series.npz", timestep_fs=None), LI)
    assert system.replicas[0].describe() == [
        f"{tmp_path / 'series.npz'}: frames 50 fs apart, as it was reduced",
        "reduced series, Li24S6; 300 frames, 14.95 ps; cell 12 12 12 Å, 90 90 90°",
    ]
    assert np.array_equal(system.series[0].collective_A, series.collective_A)


def test_options_that_come_too_late_for_a_reduced_series(crystal_file, tmp_path):
    series, _ = reduce_trajectory(open_trajectory(crystal_file, timestep_fs=INTERVAL_FS))
    np.savez(tmp_path / "series.npz", **pack_series([series]))
    with pytest.raises(InputError, match="`timestep_fs`, `stride` cannot apply"):
        read_replica_system(sources(tmp_path / "series.npz", stride=2), LI)


@pytest.mark.parametrize("arrays", [{"x": np.zeros(2)}, {"r0/time_fs": np.zeros(2)}])
def test_archives_without_a_series(tmp_path, arrays):
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(InputError, match="series lacks"):
        read_replica_system(sources(tmp_path / "other.npz", timestep_fs=None), LI)


def test_a_file_given_twice(crystal_file):
    with pytest.raises(InputError, match="is given twice"):
        read_replica_system(sources(crystal_file, crystal_file), LI)


COPIES = {
    "compressed": ("copy.extxyz.gz", lambda text: gzip.compress(text.encode())),
    "a part": ("part.extxyz", lambda text: "".join(text.splitlines(keepends=True)[: 32 * 150]).encode()),
    "another format": ("XDATCAR", lambda _: xdatcar(*solid()).encode()),
}


@pytest.mark.parametrize(("name", "content"), COPIES.values(), ids=COPIES)
def test_a_copy_is_rejected_as_a_replica(crystal_file, tmp_path, name, content):
    (tmp_path / name).write_bytes(content(crystal_file.read_text()))
    with pytest.raises(InputError, match="leave one out") as caught:
        read_replica_system(sources(crystal_file, tmp_path / name), LI)
    assert f"{tmp_path / name} holds the motion of {crystal_file}" in str(caught.value)


def test_a_missing_cell(tmp_path):
    with pytest.raises(InputError, match="has no cell; expected three cell vectors; give --cell"):
        read_replica_system(sources(bare(tmp_path / "bare.xyz")), LI)
