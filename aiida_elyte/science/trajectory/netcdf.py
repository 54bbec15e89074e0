"""NetCDF trajectories of AMBER, and the HDF5 files that are built alike: NetCDF-4 of AMBER, HDF5 of MDTraj.

The classic format is read here record by record: the readers at hand map the whole file, and fail where it is cut.
Format: https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html;
convention: https://ambermd.org/netcdf/nctraj.xhtml.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from ase.geometry import cellpar_to_cell

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.units import BOHR_A

__all__ = ["read_amber_hdf5", "read_netcdf"]

_TYPES = {1: ">i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8"}
"""Type of a value in the classic format."""

_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12

_LENGTHS_A = {"angstrom": 1.0, "nanometer": 10.0, "bohr": BOHR_A}
_TIMES_FS = {"femtosecond": 1.0, "picosecond": 1000.0, "nanosecond": 1e6}
_SPEEDS_A_FS = {
    f"{length}/{time}": length_A / time_fs
    for length, length_A in _LENGTHS_A.items()
    for time, time_fs in _TIMES_FS.items()
}


class _Source(Protocol):
    """Arrays with one row a frame."""

    n_frames: int

    def __contains__(self, name: str) -> bool: ...

    def row(self, name: str, index: int) -> np.ndarray: ...

    def attribute(self, name: str, key: str) -> Any: ...


def read_netcdf(path: Path, start: int, stride: int, notes: list[str]) -> Iterator[Snapshot]:
    """Yield the frames of a NetCDF file of AMBER.

    Raises
    ------
    InputError
        If the file is of another layout or unit, or cut in its first frame.
    """
    with path.open("rb") as handle:
        try:
            file = _Classic(handle, path.stat().st_size)
        except (struct.error, ValueError, KeyError, IndexError, EOFError) as error:
            raise InputError(f"{path} cannot be read ({error}); expected a NetCDF file; copy it anew") from error
        if file.n_frames < file.n_told:
            notes.append(f"{path.name} ends within frame {file.n_frames}, which is left out")
            if file.n_told - file.n_frames > 1:
                notes.append(f"the header of {path.name} counts {file.n_told} frames; {file.n_frames} are there")
        yield from _frames(path, file, start, stride)


def read_amber_hdf5(file: Any, path: Path, start: int, stride: int) -> Iterator[Snapshot]:
    """Yield the frames of an open HDF5 file whose arrays are named as those of AMBER.

    Raises
    ------
    InputError
        If a unit is unknown.
    """
    yield from _frames(path, _Hdf5(file), start, stride)


def _frames(path: Path, file: _Source, start: int, stride: int) -> Iterator[Snapshot]:
    if "coordinates" not in file:
        raise InputError(f"{path} lacks coordinates; expected a trajectory of AMBER's convention; convert it")
    length = _unit(path, file, "coordinates", _LENGTHS_A, "angstrom")
    time_unit = _unit(path, file, "time", _TIMES_FS, "picosecond") if "time" in file else 1.0
    box = _unit(path, file, "cell_lengths", _LENGTHS_A, "angstrom") if "cell_lengths" in file else 1.0
    nanometres = length == _LENGTHS_A["nanometer"]
    default = "nanometer/picosecond" if nanometres else "angstrom/picosecond"
    speed = _unit(path, file, "velocities", _SPEEDS_A_FS, default) if "velocities" in file else 1.0
    for index in range(start, file.n_frames, stride):
        cell = None
        if "cell_lengths" in file and "cell_angles" in file:
            lengths, angles = file.row("cell_lengths", index), file.row("cell_angles", index)
            cell = np.asarray(cellpar_to_cell([*lengths * box, *angles])) if lengths.all() else None
        velocities = None
        if "velocities" in file:
            velocities = file.row("velocities", index).astype(float) * speed
        yield Snapshot(
            positions_A=file.row("coordinates", index) * np.float32(length),
            cell_A=cell,
            velocities_A_fs=velocities,
            time_fs=float(file.row("time", index)) * time_unit if "time" in file else None,
            time_source="array time" if "time" in file else "",
        )


def _unit(path: Path, file: _Source, name: str, units: dict[str, float], default: str) -> float:
    words = str(file.attribute(name, "units") or default).lower().split("/")
    told = "/".join(word.strip().rstrip("s") for word in words)
    if told not in units:
        raise InputError(f"{path} has {name} in {told}; expected {', '.join(units)}; convert it")
    return units[told]


@dataclass(frozen=True)
class _Variable:
    dtype: str
    shape: tuple[int, ...]
    begin: int
    attributes: dict[str, Any]
    is_record: bool


@dataclass
class _Classic:
    """A file of the classic format."""

    handle: BinaryIO
    size: int
    n_frames: int = 0
    n_told: int = 0
    variables: dict[str, _Variable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        version = self._read(4)[3]
        if version not in (1, 2):
            raise ValueError(f"version {version} of NetCDF; expected 1 or 2")
        self.n_told = self._integer()
        dimensions = [self._integer() for _ in self._names_of(_DIMENSIONS)]
        self._attributes()
        padded = 0
        for name in self._names_of(_VARIABLES):
            places = [self._integer() for _ in range(self._integer())]
            attributes = self._attributes()
            dtype, _ = _TYPES[self._integer()], self._integer()
            begin = self._integer() if version == 1 else struct.unpack(">q", self._read(8))[0]
            is_record = bool(places) and dimensions[places[0]] == 0
            shape = tuple(dimensions[place] for place in places[is_record:])
            self.variables[name] = _Variable(dtype, shape, begin, attributes, is_record)
            padded += 4 * math.ceil(_bytes(self.variables[name]) / 4) if is_record else 0
        records = [variable for variable in self.variables.values() if variable.is_record]
        if not records:
            raise ValueError("no array with a row for each frame")
        self._record = padded if len(records) > 1 else _bytes(records[0])
        whole = max(0, self.size - min(variable.begin for variable in records)) // self._record
        self.n_told = whole if self.n_told < 0 else self.n_told  # -1: still written when it was copied
        self.n_frames = min(self.n_told, whole)

    def __contains__(self, name: str) -> bool:
        return name in self.variables and self.variables[name].is_record

    def attribute(self, name: str, key: str) -> Any:
        return self.variables[name].attributes.get(key)

    def row(self, name: str, index: int) -> np.ndarray:
        variable = self.variables[name]
        self.handle.seek(variable.begin + index * self._record)
        values = np.frombuffer(self._read(_bytes(variable)), variable.dtype).reshape(variable.shape)
        values = values.astype(values.dtype.newbyteorder("="))
        scale = variable.attributes.get("scale_factor")
        return values if scale is None else values * values.dtype.type(scale)

    def _read(self, size: int) -> bytes:
        if size < 0 or size > self.size:
            raise ValueError(f"a field of {size} bytes")
        content = self.handle.read(size)
        if len(content) < size:
            raise EOFError("the file ends early")
        return content

    def _integer(self) -> int:
        return int(struct.unpack(">i", self._read(4))[0])

    def _padded(self, size: int) -> bytes:
        return self._read(4 * math.ceil(size / 4))[:size]

    def _names_of(self, tag: int) -> Iterator[str]:
        """Yield the name of each item of a list; what stands behind it is read between two of them."""
        found, count = self._integer(), self._integer()
        if found not in (tag, 0) or (found == 0 and count):
            raise ValueError(f"a list of kind {found} where {tag} is expected")
        for _ in range(count):
            yield self._padded(self._integer()).decode("utf-8", "replace")

    def _attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self._names_of(_ATTRIBUTES):
            dtype, count = np.dtype(_TYPES[self._integer()]), self._integer()
            content = self._padded(dtype.itemsize * count)
            if dtype.kind == "S":
                found[name] = content.decode("utf-8", "replace").rstrip("\0")
            else:
                found[name] = float(np.frombuffer(content, dtype)[0]) if count else None
        return found


def _bytes(variable: _Variable) -> int:
    return int(np.dtype(variable.dtype).itemsize * np.prod(variable.shape, dtype=int))


class _Hdf5:
    """Datasets of an HDF5 file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.n_frames = len(file["coordinates"])

    def __contains__(self, name: str) -> bool:
        return name in self._file

    def attribute(self, name: str, key: str) -> Any:
        value = self._file[name].attrs.get(key)
        return value.decode() if isinstance(value, bytes) else value

    def row(self, name: str, index: int) -> np.ndarray:
        values = np.asarray(self._file[name][index])
        scale = self.attribute(name, "scale_factor")
        return values if scale is None else values * values.dtype.type(np.ravel(scale)[0])
