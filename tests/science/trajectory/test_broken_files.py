"""Files that are cut, damaged, empty or of other atoms: whole frames or one line of error."""

import gzip
import re

import h5py
import numpy as np
import pytest
from MDAnalysis.lib.formats.libdcd import DCDFile

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from tests.science.trajectory.walks import (
    AKMA_FS,
    CUBIC,
    N_FRAMES,
    SYMBOLS,
    TOLERANCES,
    TRICLINIC,
    assert_same_sums,
    cells_of,
    dump,
    extxyz,
    make,
    truth,
    walk,
    wrapped,
    write_dcd,
    write_xtc,
)


def cut(content, kind):
    """Return the bytes of a file that ends in the middle of its last frame."""
    return content[: -len(content) // N_FRAMES // 3] if kind != "dump.gz" else content[:-40]


@pytest.mark.parametrize("kind", ["dump:id element x y z", "dump.gz", "XDATCAR", "extxyz", "dcd", "xtc", "trr", "traj"])
def test_a_last_frame_cut_short_is_left_out_and_said_so(tmp_path, kind):
    scaled, cells = walk(), cells_of(TRICLINIC)
    path, needed = make(kind, tmp_path, scaled, cells)
    path.write_bytes(cut(path.read_bytes(), kind))
    series, notes = reduce_trajectory(open_trajectory(path, **needed))
    expected = truth(scaled[:-1], cells[:-1])
    if kind == "dump.gz":  # what the decompressor still gives
        assert 2 <= len(series.time_fs) < N_FRAMES
        expected = truth(scaled[: len(series.time_fs)], cells[: len(series.time_fs)])
    assert_same_sums(series, expected, TOLERANCES[kind])
    assert notes == (f"{path.name} ends within frame {len(series.time_fs)}, which is left out",)


def test_a_number_or_a_head_cut_short_at_the_end_is_no_frame(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    content = dump(scaled, cells)
    for text in (content.rstrip()[:-3], content + "ITEM: TIMESTEP\n", content + "ITEM: TIMESTEP\n90"):
        (tmp_path / "dump").write_text(text)
        series, notes = reduce_trajectory(open_trajectory(tmp_path / "dump", timestep_fs=1.0))
        assert len(series.time_fs) == (N_FRAMES if "90" in text[-3:] or text.endswith("STEP\n") else N_FRAMES - 1)
        assert len(notes) == 1
    (tmp_path / "dump").write_text(content + "\n \n")
    assert reduce_trajectory(open_trajectory(tmp_path / "dump", timestep_fs=1.0))[1] == ()


def test_frames_larger_than_what_is_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("aiida_elyte.science.trajectory.text_stream._CHUNK", 100)
    scaled, cells = walk(), cells_of(TRICLINIC)
    for kind in ("dump:id element x y z", "dump.gz", "XDATCAR", "extxyz"):
        path, needed = make(kind, tmp_path, scaled, cells)
        assert_same_sums(reduce_trajectory(open_trajectory(path, **needed))[0], truth(scaled, cells), 1e-10)


@pytest.mark.parametrize("kind", ["dump:id element x y z", "XDATCAR", "extxyz"])
def test_text_damaged_in_the_middle_is_refused_with_the_frame(tmp_path, kind):
    path, needed = make(kind, tmp_path, walk(), cells_of(CUBIC))
    lines = path.read_text().split("\n")
    lines_a_frame = (len(lines) - 1) // N_FRAMES
    shortened = lines[: 4 * lines_a_frame - 2] + lines[4 * lines_a_frame :]
    garbled = [*lines[: 4 * lines_a_frame - 2], "* * * * *", *lines[4 * lines_a_frame - 1 :]]
    for damaged in (shortened, garbled):
        path.write_text("\n".join(damaged))
        with pytest.raises(InputError, match=rf"^frame [34] of {re.escape(str(path))} cannot be read \(.*cut the file"):
            reduce_trajectory(open_trajectory(path, **needed))


@pytest.mark.parametrize("kind", ["xtc", "trr", "traj", "h5", "dump.gz"])
def test_binaries_damaged_in_the_middle_are_refused(tmp_path, kind):
    path, needed = make(kind, tmp_path, walk(), cells_of(CUBIC))
    content = bytearray(path.read_bytes())
    middle = len(content) // (5 if kind == "traj" else 2)
    if kind == "h5":
        with h5py.File(path) as file:
            middle = file["data/positions"].id.get_chunk_info(1).byte_offset
    content[middle : middle + 400] = b"\x5a" * 400
    path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        reduce_trajectory(open_trajectory(path, **needed))


@pytest.mark.parametrize("kind", ["xtc", "trr", "traj", "h5", "dcd"])
def test_binaries_cut_in_the_first_frame_are_refused(tmp_path, kind):
    path, needed = make(kind, tmp_path, walk(), cells_of(CUBIC))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=re.escape(str(path))):
        open_trajectory(path, **needed)


def test_missing_empty_and_unknown_files(tmp_path):
    with pytest.raises(InputError, match=r"trajectory \S+nothing is not there; expected a file"):
        open_trajectory(tmp_path / "nothing")
    (tmp_path / "empty.xtc").touch()
    with pytest.raises(InputError, match=r"empty.xtc is empty; expected a trajectory"):
        open_trajectory(tmp_path / "empty.xtc")
    (tmp_path / "letter.txt").write_text("Dear all,\nplease find attached\n")
    with pytest.raises(InputError, match=r"is of no known format; expected LAMMPS dump"):
        open_trajectory(tmp_path / "letter.txt")
    write_xtc(tmp_path / "run.xtc", walk(), cells_of(CUBIC))
    (tmp_path / "run.xtc.gz").write_bytes(gzip.compress((tmp_path / "run.xtc").read_bytes()))
    with pytest.raises(InputError, match=r"gzipped binary file; expected a plain one; gunzip it"):
        open_trajectory(tmp_path / "run.xtc.gz", symbols=SYMBOLS)


@pytest.mark.parametrize("kind", TOLERANCES)
def test_one_frame_is_too_few(tmp_path, kind):
    path, needed = make(kind, tmp_path, walk(n_frames=1), cells_of(CUBIC)[:1])
    with pytest.raises(InputError, match=r"holds one whole frame at stride 1; expected two or more"):
        reduce_trajectory(open_trajectory(path, **needed))


def test_shuffled_atoms_are_refused_where_the_file_tells(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    orders = [range(7)] * 8 + [[1, 0, 2, 3, 4, 5, 6]] * 4
    (tmp_path / "run.extxyz").write_text(extxyz(scaled, cells, orders=orders))
    with pytest.raises(InputError, match=r"^frame 8 of \S+ lists its atoms in another order"):
        reduce_trajectory(open_trajectory(tmp_path / "run.extxyz", timestep_fs=1.0))
    text = dump(scaled, cells, shuffled=False)
    head, _, tail = text.rpartition("\n3 Li")
    (tmp_path / "dump").write_text(head + "\n3 S" + tail)
    with pytest.raises(InputError, match=r"^frame 11 of \S+ lists its atoms in another order"):
        reduce_trajectory(open_trajectory(tmp_path / "dump", timestep_fs=1.0))
    (tmp_path / "dump").write_text(head + "\n4 Li" + tail)
    with pytest.raises(InputError, match=r"^frame 11 of \S+ has other atom ids or types than the first frame"):
        reduce_trajectory(open_trajectory(tmp_path / "dump", timestep_fs=1.0))
    (tmp_path / "dump").write_text(dump(scaled, cells, columns="element x y z"))
    with pytest.raises(InputError, match=r"has columns element x y z; expected id and x y z"):
        open_trajectory(tmp_path / "dump", timestep_fs=1.0)


def test_positions_that_are_no_numbers_are_refused(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    broken = scaled.copy()
    broken[6, 2] = np.nan
    for kind in ("dump:id element xu yu zu", "traj", "trr"):
        path, needed = make(kind, tmp_path, broken, cells)
        with pytest.raises(InputError, match=r"frame 6 of .* has positions that are not finite"):
            reduce_trajectory(open_trajectory(path, **needed))


def test_a_file_without_cell_needs_one(tmp_path):
    scaled, cells = walk(), cells_of(TRICLINIC)
    path = tmp_path / "plain.xyz"
    text = re.sub(r"Properties=\S+ Lattice=.*", "a comment = of no use", extxyz(scaled, cells))
    path.write_text(re.sub(r"^(\w+) 7 ", r"\1 ", text, flags=re.MULTILINE))
    with pytest.raises(InputError, match=r"frame 0 of .* has no cell; expected three cell vectors; give --cell"):
        open_trajectory(path, timestep_fs=50.0)
    series, _ = reduce_trajectory(open_trajectory(path, timestep_fs=50.0, cell_A=TRICLINIC))
    assert_same_sums(series, truth(scaled, cells), 1e-10)
    path.write_text(extxyz(scaled, cells))
    assert_same_sums(reduce_trajectory(open_trajectory(path, timestep_fs=50.0, cell_A=TRICLINIC))[0], series, 1e-10)
    with pytest.raises(InputError, match=r"has a cell of its own \(.*leave --cell out"):
        open_trajectory(path, timestep_fs=50.0, cell_A=1.01 * TRICLINIC)


def other_byte_order(content):
    """Return a DCD file as a machine of the other byte order writes it, read off its records."""
    turned, place, head = [], 0, []
    while place < len(content):
        (size,) = np.frombuffer(content, "<i4", 1, place)
        record = np.frombuffer(content, "u1", size, place + 4)
        place += 8 + size
        if len(head) == 0:
            delta = "<f4" if record[80:].any() else "<f8"  # of CHARMM, or of X-PLOR
            n_after = 10 if delta == "<f4" else 9
            fields = np.dtype([("magic", "S4"), ("before", "<i4", 9), ("delta", delta), ("after", "<i4", n_after)])
            swapped = [record.view(fields).byteswap().tobytes()]
        elif len(head) == 1:
            swapped = [record[:4].view("<i4").byteswap().tobytes(), record[4:].tobytes()]
        else:
            swapped = [record.view("<f8" if size == 48 else "<f4").byteswap().tobytes()]
        head.append(size)
        length = int(size).to_bytes(4, "big")
        turned.append(length + b"".join(swapped) + length)
    return b"".join(turned)


@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "cut"])
@pytest.mark.parametrize("has_cells", [True, False], ids=["cells", "no_cells"])
@pytest.mark.parametrize("order", ["this", "other"])
def test_dcd_files_of_either_byte_order_with_and_without_cells(tmp_path, order, has_cells, is_cut):
    scaled, cells, path = walk(), cells_of(TRICLINIC), tmp_path / "run.dcd"
    if has_cells:
        write_dcd(path, scaled, cells)
    else:
        with DCDFile(str(path), "w") as file:
            file.write_header("made by hand", len(SYMBOLS), 700, 100, 0.5 / AKMA_FS, 0)
            for positions in wrapped(scaled, cells):
                file.write(positions, np.zeros(6))
    content = path.read_bytes() if order == "this" else other_byte_order(path.read_bytes())
    path.write_bytes(content[:-30] if is_cut else content)
    n_frames = N_FRAMES - is_cut
    known = {"symbols": SYMBOLS, "cell_A": None if has_cells else TRICLINIC}
    for start, stride in ((0, 1), (1, 3)):
        trajectory = open_trajectory(path, stride=stride, **known)
        frames = list(trajectory.frames(start))
        expected = wrapped(scaled, cells)[:n_frames][start * stride :: stride].astype(np.float32)
        np.testing.assert_array_equal([frame.positions_A for frame in frames], expected)
        np.testing.assert_allclose([frame.cell_A for frame in frames], cells[: len(frames)], rtol=0, atol=1e-12)
        assert trajectory.notes == ((f"run.dcd ends within frame {n_frames}, which is left out",) if is_cut else ())
    series, _ = reduce_trajectory(open_trajectory(path, **known))
    assert_same_sums(series, truth(scaled[:n_frames], cells[:n_frames]), 1e-5)
