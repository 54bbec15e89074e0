"""Frames that are cut, starred, of other size or no numbers, and archives: alike for every text format."""

import gzip
import re
import sys
from functools import partial

import h5py
import numpy as np
import pytest
import zstandard
from ase.geometry import cell_to_cellpar
from MDAnalysis.lib.formats.libdcd import DCDFile

from aiida_elyte.errors import InputError
from tests.science.trajectory import walks
from tests.science.trajectory.walks import CUBIC, N_FRAMES, SYMBOLS, TRICLINIC, frames_of, written

TEXTS = {
    "dump": partial(walks.dump, columns="id element x y z"),
    "XDATCAR": walks.xdatcar,
    "extxyz": walks.extxyz,
    "cp2k.xyz": walks.cp2k_xyz,
    "ipi.xyz": walks.ipi_xyz,
    "gro": walks.gro,
    "pdb": walks.pdb,
}


def starred(text, frame, n_frames=N_FRAMES):
    """Return a text whose frame holds a number too wide for its columns, of the same width."""
    numbers = re.finditer(r"-?\d\.\d{3,}(e.\d\d)?(?=[ \n])", text)
    inside = [match for match in numbers if frame <= match.start() * n_frames // len(text) < frame + 1]
    found = inside[len(inside) // 2]
    return text[: found.start()] + "*" * len(found.group()) + text[found.end() :]


@pytest.mark.parametrize("kind", TEXTS)
def test_stars_in_the_middle_are_rejected_by_frame_and_in_the_last_frame_left_out(tmp_path, run, kind):
    text = TEXTS[kind](*run)
    with pytest.raises(InputError, match=r"^frame [456] of .* cannot be read \(holds \*\*\*\*, a number too wide"):
        frames_of(written(tmp_path, kind, starred(text, 5)))
    frames, notes = frames_of(written(tmp_path, kind, starred(text, N_FRAMES - 1)))
    assert len(frames) == N_FRAMES - 1
    assert notes == [f"the last frame of {kind}, 11, holds ****, a number too wide for its columns; it is left out"]


@pytest.mark.parametrize("kind", TEXTS)
def test_a_cut_anywhere_keeps_the_frames_before_it(tmp_path, run, kind):
    text = TEXTS[kind](*run)
    whole, _ = frames_of(written(tmp_path, kind, text))
    rng = np.random.default_rng(0)
    for place in sorted(rng.integers(len(text) // 4, len(text) - 3, 40)):
        frames, notes = frames_of(written(tmp_path, kind, text[:place]))
        assert 2 <= len(frames) <= N_FRAMES - (kind != "pdb")
        for frame, expected in zip(frames, whole, strict=False):
            np.testing.assert_array_equal(frame.positions_A, expected.positions_A)
            assert (frame.time_fs, frame.step) == (expected.time_fs, expected.step)
        assert len(notes) <= 1
        if not notes:  # cut between two frames
            assert place * N_FRAMES / len(text) == pytest.approx(len(frames), abs=0.35)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_frame_of_other_size_is_rejected(tmp_path, run, kind):
    scaled, cells = run
    text = TEXTS[kind](scaled[:6], cells[:6]), TEXTS[kind](scaled[6:], cells[6:])
    lines = text[1].split("\n")
    if kind == "XDATCAR":
        shortened = text[1].replace("3 1 3", "3 1 2", 1)
    else:
        place = next(
            k
            for k, line in enumerate(lines)
            if re.search(r"\d\.\d+.*\d\.\d+.*\d\.\d{3}", line) and "Li" in line.title()
        )
        shortened = "\n".join([*lines[:place], *lines[place + 1 :]]).replace("\n7\n", "\n6\n", 1)
        shortened = re.sub(r"\A(\s*)7\n", r"\g<1>6\n", shortened).replace("    7\n", "    6\n", 1)
    with pytest.raises(
        InputError, match=r"^frame \d of .*(has 6 atoms; expected the 7 of the first frame|cannot be rea)"
    ):
        frames_of(written(tmp_path, kind, text[0] + shortened))


@pytest.mark.parametrize("kind", TEXTS)
def test_every_text_format_is_read_compressed(tmp_path, run, kind):
    text = TEXTS[kind](*run)
    whole, _ = frames_of(written(tmp_path, kind, text))
    for name, compress in walks.COMPRESSORS.items():
        frames, notes = frames_of(written(tmp_path, f"{kind}.{name}", compress(text.encode())))
        np.testing.assert_array_equal([f.positions_A for f in frames], [f.positions_A for f in whole])
        assert notes == []


@pytest.mark.parametrize("name", walks.COMPRESSORS)
def test_archives_that_are_cut_or_damaged(tmp_path, name):
    scaled, cells = walks.walk(n_frames=1200), np.tile(CUBIC, (1200, 1, 1))
    content = walks.COMPRESSORS[name](walks.dump(scaled, cells).encode())
    frames, notes = frames_of(written(tmp_path, "a", content[: len(content) * 9 // 10]))
    assert 2 <= len(frames) < 1200
    assert notes == [f"a ends within frame {len(frames)}, which is left out"]
    damaged = bytearray(content)
    damaged[len(content) // 2 : len(content) // 2 + 500] = b"\x5a" * 500
    with pytest.raises(InputError, match=r"is damaged|cannot be read"):
        frames_of(written(tmp_path, "a", bytes(damaged)))
    with pytest.raises(InputError, match=r"a is cut in its first block; expected a whole (gzip|bzip2|xz|zstd) archive"):
        frames_of(written(tmp_path, "a", content[:30]))


def test_zstd_archives_of_many_pieces_are_read_to_the_end(tmp_path, run):
    text = walks.dump(*run).encode()
    pieces = b"".join(zstandard.ZstdCompressor().compress(text[k : k + 700]) for k in range(0, len(text), 700))
    assert len(frames_of(written(tmp_path, "a.zst", pieces))[0]) == N_FRAMES


def test_zstd_without_its_package_is_one_line(tmp_path, run, monkeypatch):
    path = written(tmp_path, "a.zst", walks.COMPRESSORS["zst"](walks.dump(*run).encode()))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(
        InputError, match=r"a.zst is compressed by zstd, which needs the package zstandard; .*pip install"
    ):
        frames_of(path)


def test_compressed_binaries_are_rejected(tmp_path, run):
    walks.write_netcdf(tmp_path / "a.nc", *run)
    for name, compress in walks.COMPRESSORS.items():
        path = written(tmp_path, f"a.nc.{name}", compress((tmp_path / "a.nc").read_bytes()))
        with pytest.raises(InputError, match=r"binary file; expected a plain one"):
            frames_of(path)


def test_hdf5_that_is_cut_keeps_the_frames_that_are_there(tmp_path):
    """Chunks are written as the run goes on, so that what is cut off is the end of the run."""
    scaled, cells, path = walks.walk(n_frames=300), np.tile(CUBIC, (300, 1, 1)), tmp_path / "a.h5"
    places = walks.wrapped(scaled, cells)
    with h5py.File(path, "w") as file:
        arrays = {"positions": places, "cell": cells.transpose(0, 2, 1)}
        file["data/atomic_numbers"] = np.array([[3, 16, 3, 15, 16, 16, 3]])
        file["data/masses"] = walks.MASSES[None]
        for name, array in arrays.items():
            for group, values in (("data", array), ("steps", np.arange(300) * 100)):
                file.create_dataset(
                    f"{group}/{name}", (0, *values.shape[1:]), values.dtype, maxshape=(None, *values.shape[1:]),
                    chunks=(5, *values.shape[1:]), compression="gzip",
                )  # fmt: skip
        for first in range(0, 300, 5):
            for name, array in arrays.items():
                for group, values in (("data", array), ("steps", np.arange(300) * 100)):
                    data = file[f"{group}/{name}"]
                    data.resize(first + 5, 0)
                    data[first:] = values[first : first + 5]
    content = path.read_bytes()
    assert len(frames_of(path)[0]) == 300
    path.write_bytes(content[: len(content) * 3 // 4])
    frames, notes = frames_of(path)
    assert 50 < len(frames) < 300
    np.testing.assert_array_equal([frame.positions_A for frame in frames], places[: len(frames)])
    assert notes == [f"a.h5 ends within frame {len(frames)}, which is left out with those behind it"]


def test_cells_and_positions_that_are_no_numbers_are_rejected_by_frame(tmp_path, run):
    scaled, cells = run
    flat = cells.copy()
    flat[4, 2] = flat[4, 1]
    with pytest.raises(InputError, match=r"^frame 4 of .*a.xyz has a cell without volume; expected three vectors"):
        frames_of(written(tmp_path, "a.xyz", walks.extxyz(scaled, flat)))
    text = walks.cp2k_xyz(scaled, cells)
    place = text.index(" 7", len(text) // 2)
    line = text.index(" Li ", place)
    broken = text[: line + 8] + "                 NaN" + text[line + 28 :]
    with pytest.raises(InputError, match=r"^frame \d of .*b.xyz has positions that are not finite"):
        frames_of(written(tmp_path, "b.xyz", broken))


def test_outputs_of_vasp_are_told_from_trajectories(tmp_path):
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n'
    with pytest.raises(InputError, match=r"is an output of VASP; expected its trajectory; give the XDATCAR"):
        frames_of(written(tmp_path, "vasprun.xml", text))


def test_triclinic_cells_of_dcd_and_gzip_of_cp2k(tmp_path):
    scaled, cells = walks.walk(), walks.cells_of(TRICLINIC)
    path = written(tmp_path, "a-pos-1.xyz.gz", gzip.compress(walks.cp2k_xyz(scaled, cells).encode()))
    assert len(frames_of(path)[0]) == N_FRAMES
    with DCDFile(str(tmp_path / "a.dcd"), "w") as file:
        file.write_header("REMARK CORD DCD file created by CP2K version 2023.1", len(SYMBOLS), 0, 100, 0.5, 1)
        for positions, cell in zip(walks.wrapped(scaled, cells), cells, strict=True):
            a, b, c, alpha, beta, gamma = cell_to_cellpar(cell)
            file.write(positions, [a, gamma, b, beta, alpha, c])  # degrees, as CP2K writes them
    np.testing.assert_allclose(frames_of(tmp_path / "a.dcd")[0][0].cell_A, TRICLINIC, atol=1e-10)
