"""HDF5 trajectories: of torch-sim, and of what lays its arrays out as AMBER does, as MDTraj."""

import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import units
from ase.data import chemical_symbols

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.netcdf import read_amber_hdf5
from aiida_elyte.science.trajectory.snapshot import Snapshot

__all__ = ["read_hdf5"]

_TORCHSIM = ("positions", "cell", "atomic_numbers", "masses", "velocities")
"""Arrays of torch-sim."""


def read_hdf5(path: Path, start: int, stride: int, notes: list[str]) -> Iterator[Snapshot]:
    """Yield the frames of an HDF5 trajectory of torch-sim, or of one that is built as AMBER's NetCDF.

    Cells are columns in torch-sim, units of time those of ASE.

    Raises
    ------
    InputError
        If the file is damaged or of another layout.
    """
    import h5py

    padded: _Padded | None = None
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        told = re.search(r"truncated file.*stored_eof = (\d+)", str(error))
        if told is None:
            raise InputError(f"{path} cannot be read ({error}); expected an HDF5 file; copy it anew") from error
        padded = _Padded(path, int(told.group(1)))
        file = _opened_padded(padded, path)
    try:
        if "coordinates" in file and padded is None:
            yield from read_amber_hdf5(file, path, start, stride)
        else:
            yield from _torchsim_frames(file, path, start, stride, notes, None if padded is None else padded.size)
    finally:
        file.close()
        if padded is not None:
            padded.close()


class _Padded(io.RawIOBase):
    """A file that was cut, with zeros up to where it should end: HDF5 opens no shorter one."""

    def __init__(self, path: Path, end: int) -> None:
        self.size = path.stat().st_size
        self._handle = path.open("rb")
        self._end = end
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        size = max(0, min(len(buffer), self._end - self._place))
        self._handle.seek(self._place)
        buffer[:size] = self._handle.read(size).ljust(size, b"\0")
        self._place += size
        return size

    def close(self) -> None:
        self._handle.close()
        super().close()


def _opened_padded(padded: _Padded, path: Path) -> Any:
    import h5py

    try:
        return h5py.File(padded, "r")
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        padded.close()
        raise InputError(f"{path} is cut short ({error}); expected a whole HDF5 file; copy it anew") from error


def _is_there(data: Any, rows: range, size: int) -> bool:
    """Tell whether rows of an array lie within the first bytes of a file."""
    if data.chunks is None:
        offset = data.id.get_offset()
        row = data.dtype.itemsize * int(np.prod(data.shape[1:], dtype=int))
        return offset is not None and offset + row * rows.stop <= size
    corners = [range(rows.start - rows.start % data.chunks[0], rows.stop, data.chunks[0])]
    corners += [range(0, length, chunk) for length, chunk in zip(data.shape[1:], data.chunks[1:], strict=True)]
    chunks = [data.id.get_chunk_info_by_coord(corner) for corner in itertools.product(*corners)]
    return all(chunk.byte_offset is not None and chunk.byte_offset + chunk.size <= size for chunk in chunks)


def _torchsim_frames(
    file: Any, path: Path, start: int, stride: int, notes: list[str], size: int | None
) -> Iterator[Snapshot]:
    """Yield the frames; of a file that was cut, those that lie within its size."""
    needed = ("steps/positions", *(f"data/{name}" for name in _TORCHSIM if name != "velocities"))
    missing = [name for name in needed if name not in file]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}; expected a trajectory of torch-sim; convert it")
    positions, steps = file["data/positions"], file["steps/positions"]
    n_frames = min(len(positions), len(steps))
    if len(positions) != len(steps):
        notes.append(f"{path.name} has {len(positions)} positions and {len(steps)} steps; taken up to the fewer")
    n_rows = positions.chunks[0] if positions.chunks else 1  # a chunk is decompressed as a whole
    for first in range(0, n_frames, n_rows):
        block = range(first, min(first + n_rows, n_frames))
        wanted = [index for index in block if index >= start and (index - start) % stride == 0]
        if size is not None and not _is_whole(file, block, size):
            notes.append(f"{path.name} ends within frame {first}, which is left out with those behind it")
            return
        if not wanted:
            continue
        try:
            columns = {name: _rows(file["data"], name, block) for name in _TORCHSIM}
            counted = steps[block.start : block.stop]
        except OSError as error:
            raise InputError(f"frame {first} of {path} cannot be read ({error}); copy the file anew") from error
        for index in (index - first for index in wanted):
            frame = {name: rows[index % len(rows)] for name, rows in columns.items() if len(rows)}
            velocities = frame.get("velocities")
            yield Snapshot(
                positions_A=frame["positions"].astype(float),
                cell_A=frame["cell"].astype(float).T,
                velocities_A_fs=None if velocities is None else velocities.astype(float) * units.fs,
                symbols=np.array(chemical_symbols)[frame["atomic_numbers"]],
                masses=frame["masses"].astype(float),
                step=int(counted[index]),
            )


def _is_whole(file: Any, block: range, size: int) -> bool:
    """Tell whether a block of frames lies within the first bytes of a file."""
    arrays = [file["data"][name] for name in _TORCHSIM if name in file["data"]] + [file["steps/positions"]]
    try:
        return all(_is_there(data, block if len(data) > 1 else range(1), size) for data in arrays)
    except (OSError, RuntimeError, ValueError):  # the index of the chunks is cut off
        return False


def _rows(data: Any, name: str, block: range) -> np.ndarray:
    """Return rows of an array: those of a block, the only one of what does not change, none of what is not there."""
    if name not in data:
        return np.empty(0)
    return np.asarray(data[name][block.start : block.stop] if len(data[name]) > 1 else data[name][:1])
