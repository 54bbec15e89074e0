"""Trajectories in binary files: DCD, XTC, TRR, ASE traj.

MDAnalysis' low-level readers tell positions without a topology. Where its ``TRRFile`` and ``DCDFile`` end silently
before a last frame that is cut short, and ``XTCFile`` fails, the frame is left out here with a note.
"""

import math
import re
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import units
from ase.geometry import cellpar_to_cell

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.units import AKMA_FS

__all__ = ["read_ase", "read_dcd", "read_trr", "read_xtc"]

_NM = 10.0
"""Å in a nanometre."""

_ASE_ERRORS = (OSError, ValueError, IndexError)
"""What ASE raises on a damaged file."""


def read_dcd(
    path: Path, start: int, stride: int, notes: list[str], *, lammps_time_fs: float = 1.0
) -> Iterator[Snapshot]:
    """Yield the frames of a DCD file.

    Times are counted in units of CHARMM and NAMD; where the file says that LAMMPS wrote it, in ``lammps_time_fs``;
    where it says that CP2K did, in fs. Else a file with ``delta`` and ``nsavc`` of 1, as VMD and mdtraj write them,
    tells no times.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    from MDAnalysis.lib.formats.libdcd import DCDFile

    with _opened(DCDFile, path) as file:
        header = file.header
        n_frames = len(file)
        delta, n_rest = _dcd_delta_and_rest(path, bool(header["is_periodic"]))
        every = int(header["nsavc"])
        unit_fs, unit = _dcd_time_unit(str(header["remarks"]), lammps_time_fs)
        is_timed = delta > 0 and every > 0 and ((delta, every) != (1.0, 1) or unit_fs != AKMA_FS)
        if _dcd_counted(path) > n_frames and not n_rest:
            notes.append(f"the header of {path.name} counts {_dcd_counted(path)} frames; {n_frames} are there")
        for index in range(start, n_frames, stride):
            if file.tell() != index:
                file.seek(index)
            try:
                frame = file.read()
            except OSError as error:
                raise InputError(f"frame {index} of {path} cannot be read ({error}); cut the file before it") from error
            step = int(header["istart"]) + index * every
            yield Snapshot(
                positions_A=_rows_of(frame.xyz),
                cell_A=_dcd_cell(*frame.unitcell.tolist()),
                time_fs=step * delta * unit_fs if is_timed else None,
                step=step if is_timed else None,
                time_source=f"DELTA of the DCD header in {unit}" if is_timed else "",
            )
    if n_rest:
        notes.append(f"{path.name} ends within frame {n_frames}, which is left out")


def _dcd_time_unit(remarks: str, lammps_time_fs: float) -> tuple[float, str]:
    """Return the unit of time [fs] that the writer of a file counts in, and its name."""
    if re.search(r"created by\s+CP2K", remarks, re.IGNORECASE):
        return 1.0, "fs, as CP2K writes it"
    if "LAMMPS" in remarks:
        return lammps_time_fs, "the unit of LAMMPS"
    return AKMA_FS, "the unit of CHARMM and NAMD"


def _dcd_counted(path: Path) -> int:
    """Return how many frames the header counts; CP2K leaves 0 there."""
    with path.open("rb") as handle:
        head = handle.read(12)
    return int(struct.unpack_from("<i" if head[0] == 84 else ">i", head, 8)[0])


def _rows_of(columns: np.ndarray) -> np.ndarray:
    """Return a copy of the first three columns as rows; column by column is twice as fast as at once."""
    rows = np.empty((len(columns), 3), columns.dtype)
    for axis in range(3):
        rows[:, axis] = columns[:, axis]
    return rows


@lru_cache(maxsize=1)
def _dcd_cell(a: float, gamma: float, b: float, beta: float, alpha: float, c: float) -> np.ndarray | None:
    """Return the cell from ``A, γ, B, β, α, C``, angles as cosines or degrees, or from CHARMM's symmetric matrix."""
    if not (a and b and c):
        return None
    angles = [alpha, beta, gamma]
    if all(-1.0 <= angle <= 1.0 for angle in angles):
        angles = [90.0 - math.degrees(math.asin(angle)) for angle in angles]
    elif min(a, b, c, *angles) < 0.0 or max(angles) > 180.0:
        return np.array([[a, gamma, beta], [gamma, b, alpha], [beta, alpha, c]])
    return np.asarray(cellpar_to_cell([a, b, c, *angles]))


def _dcd_delta_and_rest(path: Path, has_cells: bool) -> tuple[float, int]:
    """Return the MD step, which MDAnalysis misreads in the other byte order, and the bytes behind the last whole frame.

    These are 0 for a file with fixed atoms, whose frames differ in size.
    """
    with path.open("rb") as handle:
        order = "<" if struct.unpack("<i", handle.read(4))[0] == 84 else ">"
        handle.seek(0)
        records = []
        for _ in range(3):
            (size,) = struct.unpack(f"{order}i", handle.read(4))
            records.append(handle.read(size))
            handle.read(4)
        is_charmm = struct.unpack_from(f"{order}i", records[0], 80)[0] != 0
        delta = struct.unpack_from(f"{order}{'f' if is_charmm else 'd'}", records[0], 40)[0]
        n_fixed = struct.unpack_from(f"{order}i", records[0], 36)[0]
        n_atoms = struct.unpack(f"{order}i", records[2])[0]
        n_axes = 4 if struct.unpack_from(f"{order}i", records[0], 48)[0] == 1 else 3
        frame = n_axes * (4 * n_atoms + 8) + 56 * has_cells
        return float(delta), 0 if n_fixed else (path.stat().st_size - handle.tell()) % frame


def read_xtc(path: Path, start: int, stride: int, notes: list[str]) -> Iterator[Snapshot]:
    """Yield the frames of an XTC file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    for index, frame in enumerate(_xdr_frames(XTCFile, path, notes)):
        if index >= start and (index - start) % stride == 0:
            yield Snapshot(
                positions_A=frame.x * np.float32(_NM),
                cell_A=_xdr_cell(frame.box),
                time_fs=1000.0 * float(frame.time),
                step=int(frame.step),
            )


def read_trr(path: Path, start: int, stride: int, notes: list[str]) -> Iterator[Snapshot]:
    """Yield those frames of a TRR file that hold positions.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile

    frames = (frame for frame in _xdr_frames(TRRFile, path, notes) if frame.hasx)
    for index, frame in enumerate(frames):
        if index >= start and (index - start) % stride == 0:
            yield Snapshot(
                positions_A=frame.x * np.float32(_NM),
                cell_A=_xdr_cell(frame.box),
                velocities_A_fs=np.multiply(frame.v, _NM / 1000.0, dtype=float) if frame.hasv else None,
                time_fs=1000.0 * float(frame.time),
                step=int(frame.step),
            )


def _xdr_frames(kind: Any, path: Path, notes: list[str]) -> Iterator[Any]:
    """Yield the frames of a Gromacs file up to its end, or up to a last frame that is cut short."""
    size = path.stat().st_size
    n_frames = end = 0
    with _opened(kind, path) as file:
        while True:
            try:
                frame = file.read()
            except StopIteration:
                break
            except OSError as error:
                if file._bytes_tell() < size:
                    raise InputError(
                        f"frame {n_frames} of {path} cannot be read ({error}); cut the file before it"
                    ) from error
                break
            n_frames, end = n_frames + 1, file._bytes_tell()
            yield frame
    if end < size:
        notes.append(f"{path.name} ends within frame {n_frames}, which is left out")


def _xdr_cell(box_nm: np.ndarray) -> np.ndarray | None:
    return np.multiply(box_nm, _NM, dtype=float) if box_nm.any() else None


def _opened(kind: Any, path: Path) -> Any:
    try:
        return kind(str(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); expected whole frames; copy it anew") from error


def read_ase(path: Path, start: int, stride: int, notes: list[str]) -> Iterator[Snapshot]:
    """Yield the frames of an ASE trajectory.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    from ase.io.trajectory import TrajectoryReader

    try:
        reader = TrajectoryReader(path)
    except _ASE_ERRORS as error:
        raise InputError(f"{path} cannot be read ({error}); expected an ASE trajectory; copy it anew") from error
    with reader:
        for index in range(start, len(reader), stride):
            try:
                atoms = reader[index]
            except _ASE_ERRORS as error:
                if _is_cut(reader):
                    notes.append(f"{path.name} ends within frame {index}, which is left out")
                    return
                raise InputError(f"frame {index} of {path} cannot be read ({error}); copy the file anew") from error
            yield Snapshot(
                positions_A=atoms.positions,
                cell_A=atoms.cell.array if atoms.cell.any(1).all() else None,
                velocities_A_fs=atoms.get_velocities() * units.fs if atoms.has("momenta") else None,
                symbols=np.array(atoms.get_chemical_symbols()),
                masses=atoms.get_masses(),
            )


def _is_cut(reader: Any) -> bool:
    """Tell whether the last frame cannot be read either, as in a file that ends too early."""
    try:
        reader[len(reader) - 1]
    except _ASE_ERRORS:
        return True
    return False
