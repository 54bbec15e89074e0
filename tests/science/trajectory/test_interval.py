"""The interval of a trajectory: from its own times where it has them, even, and over parts of a run."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from tests.science.trajectory.walks import (
    CUBIC,
    N_FRAMES,
    SYMBOLS,
    assert_same_sums,
    cells_of,
    dump,
    extxyz,
    truth,
    walk,
    write_dcd,
    write_trr,
    write_xtc,
    xdatcar,
)


def test_interval_comes_from_the_files_own_times(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    write_dcd(tmp_path / "namd.dcd", scaled, cells)
    write_dcd(tmp_path / "lammps.dcd", scaled, cells, delta=0.5, remarks="Written by LAMMPS")
    write_dcd(tmp_path / "metal.dcd", scaled, cells, delta=0.0005, remarks="Written by LAMMPS")
    write_trr(tmp_path / "late.trr", scaled, cells, first_ps=90_000.0)  # single precision there: 0.008 ps
    (tmp_path / "timed.extxyz").write_text(extxyz(scaled, cells, comment="time_fs={time:g} step={index}"))
    for name in ("namd.dcd", "lammps.dcd", "late.trr", "timed.extxyz"):
        for timestep_fs in (None, 50.0):
            known = {"symbols": SYMBOLS, "timestep_fs": timestep_fs}
            assert open_trajectory(tmp_path / name, **known).interval_fs == pytest.approx(50.0, rel=1e-6)
            assert open_trajectory(tmp_path / name, **known).warnings == ()
        other = open_trajectory(tmp_path / name, symbols=SYMBOLS, timestep_fs=51.0)
        assert other.interval_fs == 51.0
        assert "the file says that frames are 50 fs apart" in other.warnings[0]
        assert "--timestep-fs 51 makes them 51 fs, which is taken" in other.warnings[0]
    metal = open_trajectory(tmp_path / "metal.dcd", symbols=SYMBOLS, lammps_units="metal")
    assert metal.interval_fs == pytest.approx(50.0, rel=1e-6)
    assert reduce_trajectory(open_trajectory(tmp_path / "late.trr", symbols=SYMBOLS))[0].time_fs[-1] == pytest.approx(
        550.0
    )


def test_files_without_times_need_one(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    write_dcd(tmp_path / "vmd.dcd", scaled, cells, delta=1.0, every=1)
    write_xtc(tmp_path / "zero.xtc", scaled, cells, times_ps=np.zeros(N_FRAMES))
    (tmp_path / "XDATCAR").write_text(xdatcar(scaled, cells))
    for name in ("vmd.dcd", "zero.xtc", "XDATCAR"):
        known = {} if name == "XDATCAR" else {"symbols": SYMBOLS}
        with pytest.raises(
            InputError, match=r"tells no times; expected the time between its frames .*give --timestep-fs"
        ):
            open_trajectory(tmp_path / name, **known)
        assert open_trajectory(tmp_path / name, timestep_fs=7.0, **known).interval_fs == 7.0
        assert open_trajectory(tmp_path / name, timestep_fs=7.0, stride=2, **known).interval_fs == 14.0
    (tmp_path / "dump").write_text(dump(scaled, cells))
    with pytest.raises(InputError, match=r"the MD step .*; give --timestep-fs"):
        open_trajectory(tmp_path / "dump")
    with pytest.raises(InputError, match=r"timestep_fs is -1.0; expected a positive time"):
        open_trajectory(tmp_path / "dump", timestep_fs=-1.0)


def uneven(values, at):
    values = list(values)
    return values[:at] + [value + values[1] - values[0] for value in values[at:]]


def test_uneven_spacing_is_refused_with_the_first_frame_that_has_another(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    steps = uneven(range(0, 100 * N_FRAMES, 100), 7)
    (tmp_path / "dump").write_text(dump(scaled, cells, steps=steps))
    (tmp_path / "XDATCAR").write_text(xdatcar(scaled, cells, numbers=uneven(range(1, N_FRAMES + 1), 7)))
    write_xtc(tmp_path / "run.xtc", scaled, cells, times_ps=1000 + 0.05 * np.array(steps) / 100)
    text = extxyz(scaled, cells, comment="time_fs={time}")
    (tmp_path / "run.extxyz").write_text(text.replace("time_fs=350.0", "time_fs=360.0"))
    for name in ("dump", "XDATCAR", "run.xtc", "run.extxyz"):
        known = {"timestep_fs": 1.0} if name in ("dump", "XDATCAR") else {"symbols": SYMBOLS}
        with pytest.raises(InputError, match=rf"^frame 7 of \S+{name} comes .* after the one before, .*even spacing"):
            reduce_trajectory(open_trajectory(tmp_path / name, **known))
        resumed = open_trajectory(tmp_path / name, **known).frames(7)
        with pytest.raises(InputError, match=r"^frame 7 of"):
            next(resumed)
    (tmp_path / "dump").write_text(dump(scaled, cells, steps=[0] * N_FRAMES))
    with pytest.raises(InputError, match=r"is not later than the first"):
        open_trajectory(tmp_path / "dump", timestep_fs=1.0)


def test_xdatcars_of_a_continued_run_one_after_the_other(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    first, second = xdatcar(scaled[:5], cells[:5]), xdatcar(scaled[5:], cells[5:])
    (tmp_path / "XDATCAR").write_text(first + second)
    series, notes = reduce_trajectory(open_trajectory(tmp_path / "XDATCAR", timestep_fs=50.0))
    assert_same_sums(series, truth(scaled, cells), 1e-10)
    (note,) = notes
    assert note.startswith("steps or times start anew at frame 5; taken as the run going on")


def test_xdatcars_with_a_gap_or_of_two_runs_are_rejected(tmp_path):
    rng = np.random.default_rng(4)
    runs = [np.cumsum(rng.normal(0, 0.01, (60, len(SYMBOLS), 3)), axis=0) + walk()[0] for _ in range(2)]
    cells = np.repeat(cells_of(CUBIC)[:1], 60, axis=0)
    for first, second in ((runs[0][:20], runs[0][40:]), (runs[0][:40], runs[1][:20])):
        text = xdatcar(first, cells[: len(first)]) + xdatcar(second, cells[: len(second)])
        (tmp_path / "XDATCAR").write_text(text)
        with pytest.raises(InputError, match=rf"^frame {len(first)} of .*XDATCAR steps back behind the frame before"):
            reduce_trajectory(open_trajectory(tmp_path / "XDATCAR", timestep_fs=50.0))
