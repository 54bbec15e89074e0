"""Frames of a trajectory, at a constant interval, none twice, and all of the same atoms."""

import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.cells import Cells
from aiida_elyte.science.trajectory.repeats import RepeatFilter, digest_of
from aiida_elyte.science.trajectory.snapshot import Snapshot, SnapshotReader
from aiida_elyte.science.trajectory.times import is_next, mark_of
from aiida_elyte.science.trajectory.topology import AtomTable
from aiida_elyte.units import BOLTZMANN_EV_K, KINETIC

__all__ = ["Frame", "Trajectory"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a trajectory."""

    positions_A: np.ndarray
    """Positions, wrapped or not [Å], float32 where the file is in single precision, shape ``(n_atoms, 3)``."""
    cell_A: np.ndarray
    """Rows are the cell vectors [Å], shape ``(3, 3)``."""
    velocities_A_fs: np.ndarray | None
    """Velocities [Å/fs], shape ``(n_atoms, 3)``; ``None`` when not known."""
    temperature_K: float
    """Kinetic temperature of 3 degrees of freedom an atom [K]: too low where bonds are rigid; NaN when not known."""


@dataclass(frozen=True)
class Trajectory:
    """Frames of one file, or of its parts, at a constant interval, atoms in the same order; iterating reads it anew."""

    path: Path
    """The file, or the folder of its parts."""
    symbols: tuple[str, ...]
    """Name of each atom's element."""
    masses: np.ndarray
    """Mass of each atom [amu], shape ``(n_atoms,)``."""
    interval_fs: float
    """Time between two frames [fs], the stride included; NaN when there is only one."""
    time_source: str
    """Where that time comes from."""
    format: str
    """Name of the file's format."""
    is_unwrapped: bool
    """Whether the file says that positions run on through the faces of the cell."""
    has_velocities: bool
    """Whether the first frame has velocities."""
    stride: int
    """Frames of the file from one of these to the next, those that repeat others not counted."""
    topology: AtomTable | None
    """The topology given."""
    warnings: tuple[str, ...]
    """Sentences on what makes times or cell doubtful."""
    _read: SnapshotReader
    _first: Snapshot
    _spacing: float | None
    """Difference of the marks of two frames of the file, where they show that none is missing or stands twice."""
    _is_numbering: bool
    """Whether marks only number the frames, so that one that stands twice has a number of its own."""
    _cells: Cells | None
    _opening_notes: tuple[str, ...] = ()
    _notes: list[str] = field(default_factory=list)
    _filters: list[RepeatFilter] = field(default_factory=list)
    """The filter of the iteration in work, where there is one."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was guessed or left out; complete after an iteration."""
        repeats = [note for one in self._filters for note in one.notes]
        return (*(self.topology.notes if self.topology else ()), *self._opening_notes, *self._notes, *repeats)

    @property
    def first(self) -> Frame:
        """The first frame.

        Raises
        ------
        InputError
            If it has no cell.
        """
        return self._complete(self._first, f"frame 0 of {self.path}")

    @property
    def n_dropped(self) -> int:
        """Frames of the file that were left out so far, as they repeat others."""
        return sum(one.n_dropped for one in self._filters)

    def __iter__(self) -> Iterator[Frame]:
        """Yield all frames; see ``frames``."""
        return self.frames()

    def frames(self, start: int = 0, state: Mapping[str, Any] | None = None) -> Iterator[Frame]:
        """Yield the frames from ``start`` on, those before being skipped unread where their steps or times allow.

        Frames that repeat earlier ones are left out, see ``RepeatFilter``.

        Parameters
        ----------
        start
            The first frame wanted.
        state
            ``state_dict`` of an iteration that yielded ``start`` frames.

        Raises
        ------
        InputError
            If a frame cannot be read, comes at another interval, has no cell, or other atoms than the first.
        """
        self._notes.clear()
        self._filters.clear()
        if state is not None and RepeatFilter.is_state(state):
            yield from self._filtered(start, state)
            return
        doubtful = start if self._spacing is None else (yield from self._evenly(start, self._spacing))
        if doubtful is not None:
            self._notes.clear()
            yield from self._filtered(doubtful)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what ``frames`` needs to go on after the frame yielded last, as arrays, if anything."""
        return {name: array for one in self._filters for name, array in one.state_dict().items()}

    def _evenly(self, start: int, spacing: float) -> Generator[Frame, None, int | None]:
        """Yield frames as long as their marks show that none stands twice; return the one from which on they do not."""
        begin = max(0, start - 1)
        before, known = (mark_of(self._first) or 0.0) + (begin * self.stride - self.stride) * spacing, None
        for index, snapshot in enumerate(self._read(self.path, begin * self.stride, self.stride, self._notes), begin):
            where = f"frame {index * self.stride} of {self.path}"
            mark, digest = mark_of(snapshot), digest_of(snapshot.positions_A)
            if mark is None or digest == known:
                return max(index, start)
            is_first = index == begin
            if not (abs(mark - before - self.stride * spacing) < 0.25 * spacing if is_first
                    else is_next(snapshot, before, self.stride * spacing)):  # fmt: skip
                return max(index, start)
            self._require_same_atoms(snapshot, where)
            before, known = mark, digest
            if index >= start:
                yield self._complete(snapshot, where)
        return None

    def _filtered(self, start: int, state: Mapping[str, Any] | None = None) -> Iterator[Frame]:
        """Yield frames, each of the file being read and compared with those before."""
        kept = RepeatFilter(self.path, is_numbering=self._is_numbering)
        recent = [] if state is None else kept.load_state_dict(state)
        self._filters.append(kept)
        begin, end = (recent[0], recent[-1]) if recent else (0, -1)
        for index, snapshot in enumerate(self._read(self.path, begin, 1, self._notes), begin):
            if index <= end:
                if index in recent:
                    kept.restore(index, snapshot)
                continue
            where = f"frame {index} of {self.path}"
            self._require_same_atoms(snapshot, where)
            if kept.take(index, snapshot):
                count, rest = divmod(kept.n_kept - 1, self.stride)
                if rest == 0 and count >= start:
                    yield self._complete(snapshot, where)

    def _require_same_atoms(self, snapshot: Snapshot, where: str) -> None:
        if len(snapshot.positions_A) != len(self.symbols):
            raise InputError(
                f"{where} has {len(snapshot.positions_A)} atoms; expected the {len(self.symbols)} of the first frame; "
                "keep all atoms in every frame"
            )
        first = self._first.symbols
        now = snapshot.symbols
        if first is not None and (now is None or not np.array_equal(first, now)):
            raise InputError(
                f"{where} lists its atoms in another order; expected that of the first frame; sort the frames alike"
            )

    def _complete(self, snapshot: Snapshot, where: str) -> Frame:
        cell = snapshot.cell_A
        if cell is None and self._cells is not None:
            cell = self._cells.cell_of(snapshot, where)
        if cell is None:
            raise InputError(
                f"{where} has no cell; expected three cell vectors; give --cell (cell_A in Python), or a --topology "
                "that carries the cell"
            )
        velocities = snapshot.velocities_A_fs
        temperature = math.nan
        if velocities is not None:
            kinetic = KINETIC * float(np.einsum("a,ad,ad->", self.masses, velocities, velocities))
            temperature = kinetic / (3 * len(velocities) * BOLTZMANN_EV_K)
        return Frame(snapshot.positions_A, cell, velocities, temperature)
