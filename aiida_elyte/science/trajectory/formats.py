"""Which reader a trajectory needs, by its first bytes."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.binary_formats import read_ase, read_dcd, read_trr, read_xtc
from aiida_elyte.science.trajectory.extended_xyz import ExtendedXyz
from aiida_elyte.science.trajectory.gro import Gro, is_gro
from aiida_elyte.science.trajectory.hdf5 import read_hdf5
from aiida_elyte.science.trajectory.lammps_dump import LAMMPS_TIMES_FS, LammpsDump
from aiida_elyte.science.trajectory.netcdf import read_netcdf
from aiida_elyte.science.trajectory.pdb import Pdb, is_pdb
from aiida_elyte.science.trajectory.plain_xyz import Cp2kXyz, IpiXyz, LammpsXyz
from aiida_elyte.science.trajectory.snapshot import Snapshot, SnapshotReader, defect_of
from aiida_elyte.science.trajectory.text_formats import TextFormat, read_text
from aiida_elyte.science.trajectory.text_stream import TextStream
from aiida_elyte.science.trajectory.xdatcar import Xdatcar, is_xdatcar

__all__ = ["reader_of"]

_HEAD = 1 << 18
"""Bytes looked at: titles and comments may be long."""

_OTHER_QUANTITIES = {b"VEL": "velocities", b"FRC": "forces", b"FML": "labels"}
"""What stands in place of CORD in a DCD file that holds no positions."""

_CP2K_OTHER = re.compile(r"-(vel|frc)-\d+\.xyz(\.\w+)?$")


def reader_of(path: Path, lammps_units: str, elements: Mapping[str, str] | None = None) -> SnapshotReader:
    """Return the reader of the format that a file's first bytes tell.

    Parameters
    ----------
    path
        The file.
    lammps_units
        ``real`` or ``metal``: units of a file that LAMMPS wrote.
    elements
        Type in a dump of LAMMPS, or label in an XYZ file, → chemical symbol.

    Raises
    ------
    InputError
        If the file is missing, empty or of an unknown format.
    """
    if not path.is_file():
        raise InputError(f"trajectory {path} is not there; expected a file; give the path of one")
    with TextStream(path) as stream:
        head, archive = stream.first_bytes(_HEAD), stream.archive
    if not head and archive:
        raise InputError(f"{path} is cut in its first block; expected a whole {archive} archive; copy it anew")
    if not head:
        raise InputError(f"{path} is empty; expected a trajectory; write it anew")
    time_fs = LAMMPS_TIMES_FS[lammps_units]
    binary: list[tuple[int, bytes, SnapshotReader]] = [
        (4, b"CORD", partial(read_dcd, lammps_time_fs=time_fs)),
        (0, (1995).to_bytes(4, "big"), read_xtc),
        (0, (1993).to_bytes(4, "big"), read_trr),
        (0, b"- of Ulm", read_ase),
        (0, b"\x89HDF\r\n\x1a\n", read_hdf5),
        (0, b"CDF", read_netcdf),
    ]
    for offset, magic, reader in binary:
        if head[offset : offset + len(magic)] == magic:
            if archive:
                how = {"gzip": "gzipped"}.get(archive, f"{archive}-compressed")
                what = {"gzip": "gunzip"}.get(archive, "decompress")
                raise InputError(f"{path} is a {how} binary file; expected a plain one; {what} it")
            return partial(_checked, reader)
    quantity = _OTHER_QUANTITIES.get(head[4:7]) if head[:4] in (b"\x54\0\0\0", b"\0\0\0\x54") else None
    if quantity is not None:
        raise InputError(f"{path} holds {quantity}; expected positions; give the DCD file of the positions")
    try:
        known = _text_format(path, head.decode("utf-8", "replace").split("\n"), lammps_units, elements)
    except InputError as error:
        raise InputError(f"{path} {error}") from error
    return partial(_checked, partial(read_text, known))


def _text_format(
    path: Path, lines: list[str], lammps_units: str, elements: Mapping[str, str] | None
) -> Callable[[list[str]], TextFormat]:
    """Return what reads the frames of a text file."""
    if lines[0].startswith("ITEM:"):
        return partial(LammpsDump, lammps_units=lammps_units, elements=elements)
    if is_xdatcar(lines):
        return Xdatcar
    if is_gro(lines):
        return Gro
    if is_pdb(lines):
        return Pdb
    if len(lines) > 1 and lines[0].strip().isdigit():
        found = _CP2K_OTHER.search(path.name)
        if found is not None:
            raise InputError(
                f"holds {'velocities' if found.group(1) == 'vel' else 'forces'}; expected positions; give the "
                "-pos-1.xyz of the run"
            )
        for kind in (Cp2kXyz, LammpsXyz, IpiXyz):
            if kind.knows(lines[1]):
                return partial(kind, elements=elements)
        return partial(ExtendedXyz, lammps_time_fs=LAMMPS_TIMES_FS[lammps_units], elements=elements)
    if "<modeling>" in lines[:3] or lines[0].startswith(" vasp."):
        raise InputError("is an output of VASP; expected its trajectory; give the XDATCAR of the run")
    raise InputError(
        "is of no known format; expected LAMMPS dump (text), DCD, XTC, TRR, GRO, PDB, XDATCAR, XYZ or extxyz, "
        "NetCDF of AMBER, ASE traj or HDF5 of torch-sim; convert it"
    )


def _checked(reader: SnapshotReader, path: Path, start: int, stride: int, notes: list[str]) -> Iterator[Snapshot]:
    """Yield what a reader gives, and reject numbers that are not finite; whatever a library raises becomes one line."""
    index = start
    frames = reader(path, start, stride, notes)
    while True:
        try:
            with np.errstate(all="ignore"):  # numbers that are not finite are rejected below, in words
                snapshot = next(frames, None)
        except InputError:
            raise
        except Exception as error:  # libraries fail in every way on damaged files
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"frame {index} of {path} cannot be read ({reason}); expected a whole file; copy it anew"
            ) from error
        if snapshot is None:
            return
        _require_finite(snapshot, f"frame {index} of {path}")
        yield snapshot
        index += stride


def _require_finite(snapshot: Snapshot, where: str) -> None:
    if defect := defect_of(snapshot):
        expected = "three vectors" if "cell" in defect else "numbers"
        raise InputError(f"{where} {defect}; expected {expected}; cut the file before it")
