"""Anybody's trajectory, frame by frame: one pass over the file in the memory of a few frames."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.formats import reader_of
from aiida_elyte.science.trajectory.lammps_dump import LAMMPS_TIMES_FS
from aiida_elyte.science.trajectory.parts import PARTS, join_parts
from aiida_elyte.science.trajectory.reduction import Reducer, Series
from aiida_elyte.science.trajectory.snapshot import Snapshot, SnapshotReader
from aiida_elyte.science.trajectory.topology import Topology, are_elements, masses_of_elements, read_topology
from aiida_elyte.units import BOLTZMANN_EV_K, KINETIC

__all__ = ["Frame", "Trajectory", "open_trajectory", "reduce_trajectory"]

_TIME_TOLERANCE = 1e-4
"""Largest relative difference between a time given and the file's own."""

_SINGLE = 5e-7
"""Relative error of a difference of times kept in single precision, in units of the times themselves."""


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
    is_unwrapped: bool
    """Whether the file says that positions run on through the faces of the cell."""
    has_velocities: bool
    """Whether the first frame has velocities."""
    stride: int
    """Frames of the file from one of these to the next."""
    topology: Topology | None
    """The topology given."""
    _read: SnapshotReader
    _first: Snapshot
    _spacing: float | None
    _cell_A: np.ndarray | None
    _notes: list[str] = field(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was guessed or left out; complete after an iteration."""
        return (*(self.topology.notes if self.topology else ()), *self._notes)

    def __iter__(self) -> Iterator[Frame]:
        """Yield all frames; see ``frames``."""
        return self.frames()

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from ``start`` on, those before being skipped unread where the format allows.

        Raises
        ------
        InputError
            When a frame cannot be read, comes at another interval, has no cell, or other atoms than the first.
        """
        self._notes.clear()
        before = None
        begin = max(0, start - 1)
        for index, snapshot in enumerate(self._read(self.path, begin * self.stride, self.stride, self._notes), begin):
            where = f"frame {index * self.stride} of {self.path}"
            self._require_same_atoms(snapshot, where)
            mark = _mark(snapshot)
            if before is not None and mark is not None and self._spacing is not None:
                gap = mark - before
                exact = snapshot.time_fs is None or snapshot.counter is not None
                if abs(gap - self._spacing) > (0.0 if exact else 1e-3 * self._spacing + _SINGLE * abs(mark)):
                    raise InputError(
                        f"{where} comes {gap:g} {'steps' if exact else 'fs'} after the one before, the second "
                        f"{self._spacing:g} after the first; expected an even spacing; cut the file, or write it anew"
                    )
            before = mark
            if index >= start:
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
        cell = self._cell_A if snapshot.cell_A is None else snapshot.cell_A
        if cell is None:
            raise InputError(f"{where} has no cell; expected three cell vectors; give cell_A")
        velocities = snapshot.velocities_A_fs
        temperature = math.nan
        if velocities is not None:
            kinetic = KINETIC * float(np.einsum("a,ad,ad->", self.masses, velocities, velocities))
            temperature = kinetic / (3 * len(velocities) * BOLTZMANN_EV_K)
        return Frame(snapshot.positions_A, cell, velocities, temperature)


def open_trajectory(
    path: str | Path | Sequence[str | Path],
    *,
    topology: Topology | str | Path | None = None,
    timestep_fs: float | None = None,
    cell_A: np.ndarray | None = None,
    stride: int = 1,
    symbols: Sequence[str] | None = None,
    lammps_units: str = "real",
) -> Trajectory:
    """Open a trajectory: LAMMPS dump, XDATCAR, extended XYZ (all three gzipped or not), DCD, XTC, TRR, ASE, torch-sim.

    The format is told by the content. Reads the first two frames.

    Parameters
    ----------
    path
        The file; or its parts in order of time, or the folder of ``part_*.lammpstrj``: see ``join_parts``.
    topology
        What the trajectory leaves unsaid of its atoms, or the file that tells it.
    timestep_fs
        Where frames carry numbers of MD steps and no times (LAMMPS dump, torch-sim): the MD step [fs]. Where they carry
        times (DCD, XTC, TRR, extended XYZ with ``time_fs``): not needed; must be their MD step or interval if given.
        Elsewhere (XDATCAR, other extended XYZ, ASE): the time from one frame of the file to the next [fs].
    cell_A
        Cell of a file that has none, rows are its vectors [Å], shape ``(3, 3)``.
    stride
        Take every so many frames.
    symbols
        Chemical symbol of each atom, before what file and topology say.
    lammps_units
        ``real`` or ``metal``: unit of the velocities of a LAMMPS dump, and of times in a DCD file of LAMMPS.

    Raises
    ------
    InputError
        When the file is missing, empty, of an unknown format or damaged, when elements, cell or times are neither in
        it nor given, or when it contradicts what is given.
    """
    path, parts = _parts_of(path)
    if lammps_units not in LAMMPS_TIMES_FS:
        raise InputError(f"lammps_units is {lammps_units!r}; expected real or metal; convert the dump's velocities")
    if not (isinstance(stride, int) and stride > 0):
        raise InputError(f"stride is {stride!r}; expected a positive number of frames")
    if timestep_fs is not None and not (math.isfinite(timestep_fs) and timestep_fs > 0):
        raise InputError(f"timestep_fs is {timestep_fs!r}; expected a positive time [fs]")
    if len(parts) > 1:
        read = join_parts(parts, partial(reader_of, lammps_units=lammps_units))
    else:
        read = reader_of(path, lammps_units)
    notes: list[str] = []
    beginning = list(islice(read(path, 0, stride, notes), 2))
    if not beginning:
        raise InputError(f"{path} holds no whole frame; expected two or more; write it anew")
    first, second = beginning[0], beginning[1] if len(beginning) > 1 else None
    if topology is not None and not isinstance(topology, Topology):
        topology = read_topology(topology, symbols=symbols)
    names, masses = _atoms_of(path, first, topology, symbols)
    if cell_A is not None and first.cell_A is not None:
        raise InputError(f"cell_A is given, but {path} has cells of its own; expected one of both; leave cell_A out")
    trajectory = Trajectory(
        path=path,
        symbols=names,
        masses=masses,
        interval_fs=math.nan if second is None else _interval_fs(path, first, second, timestep_fs, stride),
        is_unwrapped=first.is_unwrapped,
        has_velocities=first.velocities_A_fs is not None,
        stride=stride,
        topology=topology,
        _read=read,
        _first=first,
        _spacing=None if second is None else _spacing(first, second),
        _cell_A=None if cell_A is None else np.asarray(cell_A, float),
        _notes=notes,
    )
    trajectory._complete(first, f"frame 0 of {path}")
    return trajectory


def _parts_of(given: str | Path | Sequence[str | Path]) -> tuple[Path, list[Path]]:
    """Return what to call a trajectory, and its files."""
    if isinstance(given, str | Path):
        path = Path(given)
        parts = sorted(path.glob(PARTS)) if path.is_dir() else [path]
        if not parts:
            raise InputError(f"{path} holds no {PARTS}; expected a trajectory, or the folder of its parts; correct it")
    else:
        parts = [Path(part) for part in given]
        if not parts:
            raise InputError("the list of parts is empty; expected the files of one trajectory in order; name them")
        path = parts[0].parent
    missing = [part for part in parts if not part.is_file()]
    if missing and len(parts) > 1:
        raise InputError(f"part {missing[0]} is not there; expected a file; correct the path")
    return (parts[0] if len(parts) == 1 else path), parts


def _atoms_of(
    path: Path, first: Snapshot, topology: Topology | None, symbols: Sequence[str] | None
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and masses of the atoms, from what is given before what the file says."""
    n_atoms = len(first.positions_A)
    told = None if first.symbols is None else tuple(first.symbols.tolist())
    names = told if symbols is None else tuple(symbols)
    masses = first.masses
    if topology is not None:
        if len(topology.symbols) != n_atoms:
            raise InputError(
                f"{path} has {n_atoms} atoms, its topology {topology.path} {len(topology.symbols)}; expected the same; "
                "give the topology of this trajectory"
            )
        masses = topology.masses
        if symbols is None:
            if told is not None and told != topology.symbols and are_elements(told):
                atom = next(atom for atom in range(n_atoms) if told[atom] != topology.symbols[atom])
                raise InputError(
                    f"atom {atom} is {told[atom]} in {path} and {topology.symbols[atom]} in {topology.path}; expected "
                    "the same order; give the topology of this trajectory"
                )
            names = topology.symbols
    if names is None:
        raise InputError(
            f"{path} does not tell the elements of its atoms; expected a topology (LAMMPS data, PDB, PSF, GRO, "
            "extxyz); give --topology"
        )
    if len(names) != n_atoms:
        raise InputError(f"symbols has {len(names)} entries for {n_atoms} atoms of {path}; expected one an atom")
    try:
        return names, masses_of_elements(names) if masses is None else masses
    except InputError as error:
        raise InputError(f"{path} {error}") from error


def _mark(snapshot: Snapshot) -> float | None:
    """Return the number whose differences tell whether frames are evenly spaced."""
    for mark in (snapshot.counter, snapshot.time_fs, snapshot.step):
        if mark is not None:
            return mark
    return None


def _spacing(first: Snapshot, second: Snapshot) -> float | None:
    """Return the difference of the marks; ``None`` where there are none, or all times are alike and tell nothing."""
    before, after = _mark(first), _mark(second)
    if before is None or after is None:
        return None
    is_untold = first.counter is None and first.time_fs is not None and after == before
    return None if is_untold else after - before


def _interval_fs(path: Path, first: Snapshot, second: Snapshot, timestep_fs: float | None, stride: int) -> float:
    """Return the time between two frames, the stride included [fs]."""
    spacing = _spacing(first, second)
    if spacing is not None and not spacing > 0:
        raise InputError(
            f"frame {stride} of {path} is not later than the first; expected steps or times that grow; cut the file"
        )
    n_steps = second.step - first.step if first.step is not None and second.step is not None else 0
    if first.time_fs is not None and second.time_fs is not None and second.time_fs > first.time_fs:
        told = second.time_fs - first.time_fs
        if n_steps > 0 and second.step:  # times in single precision: exact steps make a difference of large ones exact
            by_steps = second.time_fs / second.step * n_steps
            told = by_steps if abs(by_steps - told) <= _SINGLE * second.time_fs else told
        fitting = [told / stride, *([told / n_steps] if n_steps > 0 else [])]
        if timestep_fs is not None and all(abs(timestep_fs / fit - 1) > _TIME_TOLERANCE for fit in fitting):
            raise InputError(
                f"timestep_fs is {timestep_fs:g}, but {path} tells {fitting[0]:g} fs between frames"
                + (f", MD steps of {fitting[1]:g} fs" if n_steps > 0 else "")
                + "; expected its own; leave timestep_fs out, or write the file with the right times"
            )
        return told
    counts_steps = first.time_fs is None and first.step is not None
    if timestep_fs is None:
        raise InputError(
            f"{path} tells no times; expected timestep_fs, the "
            + ("MD step [fs]" if counts_steps else "time between its frames [fs]")
            + "; give --timestep-fs"
        )
    return timestep_fs * (n_steps if counts_steps else stride)


def reduce_trajectory(
    trajectory: Trajectory | str | Path,
    *,
    molecules: Mapping[str, Sequence[np.ndarray]] | None = None,
    tracked: Iterable[str] | None = None,
    max_megabytes: float = 256.0,
    replica: str = "r0",
    member: str = "",
    state: Mapping[str, Any] | None = None,
    on_frame: Callable[[Reducer], None] | None = None,
) -> tuple[Series, tuple[str, ...]]:
    """Reduce a trajectory in one pass.

    Parameters
    ----------
    trajectory
        The trajectory, or a file that needs no more than ``open_trajectory(path)``.
    molecules, tracked, max_megabytes, replica, member
        As in ``Reducer``.
    state
        ``Reducer.state_dict`` of an interrupted reduction; its frames are skipped.
    on_frame
        Called with the reducer after each frame; may raise to stop.

    Returns
    -------
    tuple
        The series, and notes on what was guessed or left out.

    Raises
    ------
    InputError
        When there are fewer than two frames, or a frame cannot follow the one before.
    """
    if not isinstance(trajectory, Trajectory):
        trajectory = open_trajectory(trajectory)
    if math.isnan(trajectory.interval_fs):
        raise InputError(
            f"{trajectory.path} holds one whole frame at stride {trajectory.stride}; expected two or more; "
            "give a longer trajectory"
        )
    reducer = Reducer(
        trajectory.symbols,
        trajectory.masses,
        trajectory.interval_fs,
        replica=replica,
        member=member,
        molecules=molecules,
        tracked=tracked,
        is_unwrapped=trajectory.is_unwrapped,
        max_megabytes=max_megabytes,
    )
    if state is not None:
        reducer.load_state_dict(state)
    for frame in trajectory.frames(reducer.n_frames):
        reducer.add(frame.positions_A, frame.cell_A, frame.temperature_K, velocities_A_fs=frame.velocities_A_fs)
        if on_frame is not None:
            on_frame(reducer)
    return reducer.finish(), trajectory.notes
