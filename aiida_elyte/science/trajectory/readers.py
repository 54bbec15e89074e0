"""Anybody's trajectory, frame by frame: one pass over the file in the memory of a few frames."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.elements import are_elements, masses_of_elements
from aiida_elyte.science.trajectory.cells import Cells, cell_of_structure, describe_cell, validate_volume
from aiida_elyte.science.trajectory.formats import reader_of
from aiida_elyte.science.trajectory.lammps_dump import LAMMPS_TIMES_FS
from aiida_elyte.science.trajectory.longest_bond import LongestBond
from aiida_elyte.science.trajectory.matching import require_same_types, require_whole
from aiida_elyte.science.trajectory.parts import PARTS, join_parts
from aiida_elyte.science.trajectory.passes import Trajectory
from aiida_elyte.science.trajectory.reduction import Reducer, Series
from aiida_elyte.science.trajectory.snapshot import Snapshot, SnapshotReader
from aiida_elyte.science.trajectory.times import Interval, interval_of, mark_of, spacing_of
from aiida_elyte.science.trajectory.topology import AtomTable, read_topology

__all__ = ["open_trajectory", "reduce_trajectory"]

_SAME_CELL = 1e-3
"""Relative difference of cells given and read at which they are the same."""


def open_trajectory(
    path: str | Path | Sequence[str | Path],
    *,
    topology: AtomTable | str | Path | None = None,
    timestep_fs: float | None = None,
    cell_A: np.ndarray | Cells | None = None,
    stride: int = 1,
    symbols: Sequence[str] | None = None,
    elements: Mapping[str, str] | None = None,
    lammps_units: str = "real",
) -> Trajectory:
    """Open a trajectory: LAMMPS dump, XDATCAR, extended XYZ (all three gzipped or not), DCD, XTC, TRR, ASE, torch-sim.

    The format is known by the content. Reads the first two frames.

    Parameters
    ----------
    path
        The file; or its parts in order of time, or the folder of ``part_*.lammpstrj``: see ``join_parts``.
    topology
        What the trajectory leaves unsaid of its atoms, or the file that tells it.
    timestep_fs
        Where frames carry numbers of MD steps and no times (LAMMPS dump, torch-sim): the MD step [fs]. Where they carry
        times (DCD, XTC, TRR, extended XYZ with ``time_fs``): overrules them with a warning, see ``interval_of``.
        Elsewhere (XDATCAR, other extended XYZ, ASE): the time from one frame of the file to the next [fs].
    cell_A
        Cell of a file that has none, rows are its vectors [Å], shape ``(3, 3)``; or one for each step. If it is left
        out the cell of the topology is taken.
    stride
        Take every so many frames.
    symbols
        Chemical symbol of each atom, before what file and topology say.
    elements
        Type in a LAMMPS dump → chemical symbol.
    lammps_units
        ``real`` or ``metal``: unit of the velocities of a LAMMPS dump, and of times in a DCD file of LAMMPS.

    Raises
    ------
    InputError
        If the file is missing, empty, of an unknown format or damaged, if elements, cell or times are neither in
        it nor given, or if it contradicts what is given.
    """
    path, parts = _parts_of(path)
    if lammps_units not in LAMMPS_TIMES_FS:
        raise InputError(f"lammps_units is {lammps_units!r}; expected real or metal; convert the dump's velocities")
    if not (isinstance(stride, int) and stride > 0):
        raise InputError(f"stride is {stride!r}; expected a positive number of frames")
    if timestep_fs is not None and not (math.isfinite(timestep_fs) and timestep_fs > 0):
        raise InputError(f"timestep_fs is {timestep_fs!r}; expected a positive time [fs]")
    options: dict[str, Any] = {} if elements is None else {"elements": elements}

    def find(part: Path) -> SnapshotReader:
        return reader_of(part, lammps_units, **options)

    read = join_parts(parts, find) if len(parts) > 1 else find(path)
    first, second = _first_two(path, read)
    if topology is not None and not isinstance(topology, AtomTable):
        topology = read_topology(topology, symbols=symbols, elements=elements)
    names, masses = _atoms_of(path, first, topology, symbols)
    cells, note = _cells_of(path, first, cell_A, topology, masses)
    interval = Interval(math.nan, "") if second is None else interval_of(path, first, second, timestep_fs)
    is_long_enough = stride == 1 or next(read(path, stride, stride, []), None) is not None
    spacing = None if second is None else spacing_of(first, second)
    is_numbering = first.counter is not None or _is_dcd(parts[0]) or _n_steps(first, second) == 1
    warnings = list(interval.warnings)
    if first.cell_A is not None and (reason := validate_volume(first.cell_A, masses)):
        warnings.append(f"the cell {reason}; look at its units")
    trajectory = Trajectory(
        path=path,
        symbols=names,
        masses=masses,
        interval_fs=interval.fs * stride if is_long_enough else math.nan,
        time_source=interval.source,
        format=_format_of(find(parts[0])),
        is_unwrapped=first.is_unwrapped,
        has_velocities=first.velocities_A_fs is not None,
        stride=stride,
        topology=topology,
        warnings=tuple(warnings),
        _read=read,
        _first=first,
        _spacing=None if is_numbering else spacing,
        _is_numbering=is_numbering,
        _cells=cells,
        _opening_notes=(note,) if note else (),
    )
    _ = trajectory.first  # a missing cell is an error at once
    return trajectory


def _first_two(path: Path, read: SnapshotReader) -> tuple[Snapshot, Snapshot | None]:
    """Return the first frame, and the next that is another one by its step, time or positions."""
    frames = read(path, 0, 1, [])
    first = next(frames, None)
    if first is None:
        raise InputError(f"{path} holds no whole frame; expected two or more; write it anew")
    second: Snapshot | None = None
    n_frames = 1
    for snapshot in frames:
        n_frames += 1
        is_moved = not np.array_equal(snapshot.positions_A, first.positions_A)
        if second is None and (is_moved or mark_of(snapshot) != mark_of(first)):
            second = snapshot
        if is_moved:
            return first, second
    if n_frames > 1:
        raise InputError(
            f"all {n_frames} frames of {path} have the same positions; expected atoms that move; write it anew"
        )
    return first, None


def _n_steps(first: Snapshot, second: Snapshot | None) -> int | None:
    """Return the MD steps from one frame to the next; ``None`` where they are not known."""
    if second is None or first.step is None or second.step is None:
        return None
    return second.step - first.step


def _is_dcd(path: Path) -> bool:
    """Tell whether steps and times of frames are counted from a header, so that they show nothing of a frame."""
    with path.open("rb") as handle:
        return handle.read(8)[4:] == b"CORD"


def _format_of(reader: Any) -> str:
    """Return the name of the format that a reader is for."""
    while isinstance(reader, partial):
        reader = reader.args[0] if reader.args else reader.func
    if hasattr(reader, "name"):
        return re.sub(r"^an? (frame|configuration|model) of (an? )?", "", str(reader.name))
    return str(reader.__name__).removeprefix("read_").upper()


def _cells_of(
    path: Path, first: Snapshot, given: np.ndarray | Cells | None, topology: AtomTable | None, masses: np.ndarray
) -> tuple[Cells | None, str | None]:
    """Return the cells of a file that has none, and a note on where they come from."""
    if given is not None and not isinstance(given, Cells):
        vectors = np.asarray(given, float)
        if vectors.shape != (3, 3):
            raise InputError(f"cell_A has shape {vectors.shape}; expected three vectors, shape (3, 3)")
        given = Cells("the cell given", vectors[None])
    if first.cell_A is not None:
        own = np.asarray(first.cell_A)
        if given is not None:
            other = given.cell_of(first, f"frame 0 of {path}")
            if np.abs(own - other).max() > _SAME_CELL * np.abs(own).max():
                raise InputError(
                    f"{path} has a cell of its own ({describe_cell(own)}), and --cell (cell_A in Python) gives another "
                    f"({describe_cell(other)}); expected one of both; leave --cell out"
                )
        return None, None
    note = None
    if given is None:
        vectors_or_none = None if topology is None else cell_of_structure(topology.path)
        if topology is None or vectors_or_none is None:
            return None, None
        given = Cells(str(topology.path), vectors_or_none[None])
        note = f"the file has no cell; that of {topology.path.name} is taken: {describe_cell(vectors_or_none)}"
    if reason := validate_volume(given.vectors_A[0], masses):
        raise InputError(f"the cell of {given.name} {reason}; give the right one with --cell (cell_A in Python)")
    return given, note


def _parts_of(given: str | Path | Sequence[str | Path]) -> tuple[Path, list[Path]]:
    """Return what to call a trajectory, and its files."""
    if isinstance(given, str | Path):
        path = Path(given)
        parts = sorted(path.glob(PARTS)) if path.is_dir() else [path]
        if not parts:
            raise InputError(f"{path} holds no {PARTS}; expected a trajectory, or the folder of its parts")
    else:
        parts = [Path(part) for part in given]
        if not parts:
            raise InputError("the list of parts is empty; expected the files of one trajectory in order; name them")
        path = parts[0].parent
    missing = [part for part in parts if not part.is_file()]
    if missing and len(parts) > 1:
        raise InputError(f"part {missing[0]} is not there; expected a file; check the path")
    return (parts[0] if len(parts) == 1 else path), parts


def _atoms_of(
    path: Path, first: Snapshot, topology: AtomTable | None, symbols: Sequence[str] | None
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
        if first.types is not None:
            require_same_types(path, first.types.tolist(), topology)
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
            "extxyz), or for a LAMMPS dump --elements 1=Li,2=Cl; give --topology"
        )
    if len(names) != n_atoms:
        raise InputError(f"symbols has {len(names)} entries for {n_atoms} atoms of {path}; expected one an atom")
    try:
        return names, masses_of_elements(names) if masses is None else masses
    except InputError as error:
        raise InputError(f"{path} {error}") from error


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
    longest_bond: LongestBond | None = None,
) -> tuple[Series, tuple[str, ...]]:
    """Reduce a trajectory in one pass.

    Parameters
    ----------
    trajectory
        The trajectory, or a file that needs no more than ``open_trajectory(path)``.
    molecules, tracked, max_megabytes, replica, member
        As in ``Reducer``.
    state
        ``Reducer.state_dict`` of an interrupted reduction, with ``Trajectory.state_dict`` of the same moment beside
        it; its frames are skipped.
    on_frame
        Called with the reducer after each frame; may raise to stop.
    longest_bond
        Sees each frame, if given; ``state`` then holds its ``state_dict``, too.

    Returns
    -------
    tuple
        The series, and notes on what was guessed or left out.

    Raises
    ------
    InputError
        If there are fewer than two frames, or a frame cannot follow the one before.
    """
    if not isinstance(trajectory, Trajectory):
        trajectory = open_trajectory(trajectory)
    if math.isnan(trajectory.interval_fs):
        raise _too_few(trajectory)
    bonds = np.empty((0, 2), int) if trajectory.topology is None else trajectory.topology.bonds
    first = trajectory.first
    require_whole(trajectory.path, first.positions_A, first.cell_A, bonds, molecules or {})
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
        if longest_bond is not None:
            longest_bond.load_state_dict(state)
    for frame in trajectory.frames(reducer.n_frames, state):
        try:
            reducer.add(frame.positions_A, frame.cell_A, frame.temperature_K, velocities_A_fs=frame.velocities_A_fs)
        except InputError as error:
            raise InputError(f"{trajectory.path}: {error}") from error
        if longest_bond is not None:
            longest_bond.add(frame.positions_A, frame.cell_A)
        if on_frame is not None:
            on_frame(reducer)
    if reducer.n_frames < 2:
        raise _too_few(trajectory)
    return reducer.finish(), trajectory.notes


def _too_few(trajectory: Trajectory) -> InputError:
    return InputError(
        f"{trajectory.path} holds one whole frame at stride {trajectory.stride}; expected two or more; "
        "give a longer trajectory"
    )
