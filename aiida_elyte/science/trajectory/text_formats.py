"""Trajectories written as text, gzipped or not: LAMMPS dump, XDATCAR, extended XYZ.

Frames are read one after the other. MDAnalysis' LAMMPS reader is not used: it reads row by row, in float32, scans the
file for its length first, knows no ``element`` column and fails at a last frame that is cut short. ASE's XDATCAR reader
holds the whole file; its extxyz reader converts word by word. Tables are parsed here by ``numpy.loadtxt`` (in C).
"""

import gzip
import itertools
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from ase import units
from ase.data import chemical_symbols
from ase.io.extxyz import key_val_str_to_dict

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.topology import masses_of_elements

__all__ = ["LAMMPS_TIMES_FS", "ExtendedXyz", "LammpsDump", "TextStream", "Xdatcar", "read_text"]

LAMMPS_TIMES_FS = {"real": 1.0, "metal": 1000.0}
"""Unit of time of a LAMMPS unit style [fs]; both have lengths in Å."""

_CHUNK = 4_000_000
"""Bytes read at once."""

_DUMP_POSITIONS = (("xu", "yu", "zu"), ("xsu", "ysu", "zsu"), ("x", "y", "z"), ("xs", "ys", "zs"))
_DUMP_VELOCITIES = ("vx", "vy", "vz")


class TextStream:
    """The lines of a text file, gzipped or not, in blocks of any number.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as handle:
            self.is_gzipped = handle.read(2) == b"\x1f\x8b"
        self._handle = gzip.open(path, "rb") if self.is_gzipped else path.open("rb")  # noqa: SIM115 - closed on exit
        self._buffer = b""
        self._ends = np.array([], int)
        self._start = self._cursor = 0
        self._is_cut = False

    def __enter__(self) -> "TextStream":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._handle.close()

    def first_bytes(self, size: int) -> bytes:
        """Return the first bytes, as many as there are; to be called before all else."""
        while len(self._buffer) < size and self._fill():
            pass
        return self._buffer[:size]

    def take(self, n_lines: int) -> str:
        """Return the next lines.

        Raises
        ------
        EOFError
            When fewer whole lines are left.
        """
        while self._cursor + n_lines > len(self._ends):
            if not self._fill():
                raise EOFError
        self._cursor += n_lines
        start, self._start = self._start, int(self._ends[self._cursor - 1]) + 1
        return self._buffer[start : self._start].decode("utf-8", "replace")

    def is_at_end(self) -> bool:
        """Tell whether nothing but white space is left; an archive cut short has no such end."""
        while not (self._buffer[self._start : self._start + 99].strip() or self._buffer[self._start :].strip()):
            if not self._fill():
                return not self._is_cut
        return False

    def _fill(self) -> bool:
        rest = self._buffer[self._start :]
        more = self._read(max(_CHUNK, len(rest)))
        self._buffer, self._start, self._cursor = rest + more, 0, 0
        self._ends = np.flatnonzero(np.frombuffer(self._buffer, np.uint8) == ord("\n"))
        return bool(more)

    def _read(self, size: int) -> bytes:
        pieces: list[bytes] = []
        while size > 0 and not self._is_cut:
            try:
                piece = self._handle.read1(size)
            except EOFError:
                self._is_cut = True
                break
            except (zlib.error, gzip.BadGzipFile) as error:
                raise InputError(f"{self._path} is damaged ({error}); expected a gzip archive; copy it anew") from error
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


class TextFormat(Protocol):
    """Knows the lines of one format; keeps what goes from the head of a frame, or from frame to frame."""

    name: str

    def head(self, text: TextStream) -> int:
        """Read the lines ahead of a frame's table; return how many rows that has."""

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame whose head was read last."""


def read_text(
    format_of: Callable[[list[str]], TextFormat], path: Path, start: int, stride: int, notes: list[str]
) -> Iterator[Snapshot]:
    """Yield the frames of a text file; the first is parsed always, as the one that others are compared with.

    Raises
    ------
    InputError
        When a frame is not of the format; one that is cut short at the end is left out with a note.
    """
    known = format_of(notes)
    with TextStream(path) as text:
        for index in itertools.count():
            if text.is_at_end():
                return
            is_wanted = index >= start and (index - start) % stride == 0
            try:
                n_rows = known.head(text)
                if n_rows < 1:
                    raise InputError("has no atoms; expected at least one; cut the file before it")
                rows = text.take(n_rows)
                snapshot = known.snapshot(rows.split("\n")) if is_wanted or index == 0 else None
            except EOFError:
                notes.append(f"{path.name} ends within frame {index}, which is left out")
                return
            except InputError as error:
                raise InputError(f"frame {index} of {path} {error}") from error
            except ValueError as error:
                raise InputError(
                    f"frame {index} of {path} cannot be read ({error}); expected {known.name}; cut the file before it"
                ) from error
            if is_wanted and snapshot is not None:
                yield snapshot


def _table(rows: list[str], columns: list[tuple[str, Any, list[int]]], n_rows: int) -> np.ndarray:
    """Return fields of a table, each as name, type and its columns, as a structured array."""
    dtype = [(name, kind, len(places)) if len(places) > 1 else (name, kind) for name, kind, places in columns]
    usecols = [place for _, _, places in columns for place in places]
    table = np.loadtxt(rows, dtype=np.dtype(dtype), usecols=usecols, comments=None, ndmin=1)
    if len(table) != n_rows:
        raise ValueError(f"{len(table)} rows of {n_rows}")
    return table


class LammpsDump:
    """LAMMPS dump: rows in any order are sorted by ``id``; lengths in Å, so ``real`` or ``metal`` units.

    Positions count from the origin of the box; columns ``xu`` or ``xsu`` are taken before ``x`` or ``xs``.
    """

    name = "a frame of a LAMMPS dump"

    def __init__(self, notes: list[str], *, lammps_units: str = "real") -> None:
        self._unit_fs = LAMMPS_TIMES_FS[lammps_units]
        self._units = lammps_units
        self._items: dict[str, str] = {}
        self._columns: list[str] = []
        self._first: list[np.ndarray] | None = None

    def head(self, text: TextStream) -> int:
        """Read the items ahead of the rows."""
        self._items = {}
        while True:
            line = text.take(1).split()
            if line[:1] != ["ITEM:"] or len(line) < 2:
                raise ValueError(f"{' '.join(line)[:40]!r} where an ITEM is expected")
            if line[1] == "ATOMS":
                self._columns = line[2:]
                missing = {"TIMESTEP", "NUMBER", "BOX"} - set(self._items)
                if missing:
                    raise ValueError(f"no ITEM: {', '.join(sorted(missing))}")
                return int(self._items["NUMBER"])
            self._items[line[1]] = text.take(3 if line[1] == "BOX" else 1)

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame, its rows sorted by id."""
        told = self._items.get("UNITS", self._units).strip()
        if told != self._units:
            raise InputError(f"is in units {told}; expected {self._units}; say so with lammps_units (real or metal)")
        positions = next((names for names in _DUMP_POSITIONS if set(names) <= set(self._columns)), None)
        if positions is None or "id" not in self._columns:
            raise InputError(
                f"has columns {' '.join(self._columns)}; expected id and x y z (or xs, xu, xsu); dump them"
            )
        wanted: list[tuple[str, Any, list[int]]] = [("id", np.int64, [self._columns.index("id")])]
        wanted.append(("positions", float, [self._columns.index(name) for name in positions]))
        has_velocities = set(_DUMP_VELOCITIES) <= set(self._columns)
        if has_velocities:
            wanted.append(("velocities", float, [self._columns.index(name) for name in _DUMP_VELOCITIES]))
        wanted += [(name, "U16", [self._columns.index(name)]) for name in ("element", "type") if name in self._columns]
        table = _table(rows, wanted, int(self._items["NUMBER"]))
        ids = table["id"]
        if not (ids[1:] > ids[:-1]).all():
            table = table[np.argsort(ids, kind="stable")]
        self._compare(table)
        cell, origin = _dump_cell(np.array(self._items["BOX"].split(), float).reshape(3, -1))
        is_scaled = positions[0].startswith("xs")
        time = self._items.get("TIME")
        return Snapshot(
            positions_A=table["positions"] @ cell if is_scaled else table["positions"] - origin,
            cell_A=cell,
            velocities_A_fs=table["velocities"] / self._unit_fs if has_velocities else None,
            symbols=table["element"].copy() if "element" in self._columns else None,
            time_fs=None if time is None else float(time) * self._unit_fs,
            step=int(self._items["TIMESTEP"]),
            is_unwrapped=positions[0].endswith("u"),
        )

    def _compare(self, table: np.ndarray) -> None:
        """Refuse atoms or types other than those of the first frame."""
        kept = [table[name].copy() for name in ("id", "type") if name in (table.dtype.names or ())]
        if self._first is None:
            if not (np.diff(table["id"]) > 0).all():
                raise InputError("gives an atom id twice; expected one row an atom; write the dump anew")
            self._first = kept
        elif not all(map(np.array_equal, kept, self._first)):
            raise InputError(
                "has other atom ids or types than the first frame; expected the same atoms; dump one group of atoms"
            )


def _dump_cell(bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return cell and origin from the three lines of BOX BOUNDS: orthogonal, restricted triclinic, or general."""
    if bounds.shape[1] == 2:
        return np.diag(bounds[:, 1] - bounds[:, 0]), bounds[:, 0]
    if bounds.shape[1] == 4:
        return bounds[:, :3], bounds[:, 3]
    low, high, (xy, xz, yz) = bounds.T
    # the bounds enclose the tilted box: https://docs.lammps.org/Howto_triclinic.html
    low = low - [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
    high = high - [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
    sides = high - low
    return np.array([[sides[0], 0.0, 0.0], [xy, sides[1], 0.0], [xz, yz, sides[2]]]), low


class Xdatcar:
    """XDATCAR of VASP 5 or later: one header (NVT), or one before each configuration (NPT)."""

    name = "a configuration of an XDATCAR"

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._cell = np.zeros((0, 0))
        self._symbols = np.array([], str)
        self._number = self._before = self._index = 0

    def head(self, text: TextStream) -> int:
        """Read the line ahead of a configuration, and the header where there is one."""
        line = text.take(1)
        if not self._cell.size or not _is_configuration(line):
            scale = float(text.take(1))
            vectors = np.array(text.take(3).split(), float).reshape(3, 3)
            if scale < 0:  # a negative one is the volume
                scale = (-scale / abs(np.linalg.det(vectors))) ** (1 / 3)
            self._cell = scale * vectors
            names = [word.split("_")[0].split("/")[0] for word in text.take(1).split()]
            self._symbols = np.repeat(names, [int(word) for word in text.take(1).split()])
            line = text.take(1)
        if not _is_configuration(line):
            raise ValueError(f"{line.strip()[:40]!r} where 'Direct configuration=' is expected")
        number = int(line.partition("=")[2])
        if number <= self._number:  # files of a continued run, one after the other
            self._before += self._number
            self._notes.append(f"configurations are numbered anew at frame {self._index}; taken as the run going on")
        self._number = number
        self._index += 1
        return len(self._symbols)

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        table = _table(rows, [("scaled", float, [0, 1, 2])], len(self._symbols))
        return Snapshot(
            positions_A=table["scaled"] @ self._cell,
            cell_A=self._cell,
            symbols=self._symbols,
            counter=self._before + self._number,
        )


def _is_configuration(line: str) -> bool:
    return line.lstrip().startswith(("Direct", "Konfig"))


class ExtendedXyz:
    """Extended XYZ: ``Lattice`` in each frame, columns as told by ``Properties``.

    ``momenta`` are in ASE's units; ``velo``, ``vel`` or ``velocities`` in Å/fs, as QUIP and GPUMD write them. Times
    are read from ``time_fs``; ``step``, whatever it counts, must grow evenly.
    """

    name = "a frame of extended XYZ"

    def __init__(self, notes: list[str]) -> None:
        self._n_rows = 0
        self._info: dict[str, Any] = {}

    def head(self, text: TextStream) -> int:
        """Read the number of atoms and the comment line."""
        self._n_rows = int(text.take(1))
        self._info = key_val_str_to_dict(text.take(1).strip())
        return self._n_rows

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        words = str(self._info.get("Properties", "species:S:1:pos:R:3")).split(":")
        columns: dict[str, list[int]] = {}
        place = 0
        for name, width in zip(words[::3], map(int, words[2::3]), strict=True):
            columns[name] = list(range(place, place + width))
            place += width
        motion = next((name for name in ("momenta", "velo", "vel", "velocities") if name in columns), None)
        kinds: dict[str, Any] = {"species": "U16", "Z": int, "pos": float, "masses": float}
        if motion is not None:
            kinds[motion] = float
        if "pos" not in columns or not {"species", "Z"} & set(columns):
            raise InputError(f"has columns {' '.join(columns)}; expected species and pos; write the file with them")
        wanted = [(name, kinds[name], columns[name]) for name in columns if name in kinds]
        table = _table(rows, wanted, self._n_rows)
        symbols = table["species"].copy() if "species" in columns else np.array(chemical_symbols)[table["Z"]]
        masses = table["masses"].copy() if "masses" in columns else None
        lattice = self._info.get("Lattice")
        time, step = self._info.get("time_fs"), self._info.get("step")
        velocities = None if motion is None else table[motion]
        if velocities is not None and motion == "momenta":
            carried = masses_of_elements(symbols.tolist()) if masses is None else masses
            velocities = velocities / carried[:, None] * units.fs
        return Snapshot(
            positions_A=table["pos"].copy(),
            cell_A=None if lattice is None else np.asarray(lattice, float).T.copy(),
            velocities_A_fs=velocities,
            symbols=symbols,
            masses=masses,
            time_fs=None if time is None else float(time),
            counter=None if step is None else int(step),
        )
