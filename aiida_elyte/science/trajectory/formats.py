"""Which reader a trajectory needs, told by its first bytes."""

from functools import partial
from pathlib import Path

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.binary_formats import read_ase, read_dcd, read_torchsim, read_trr, read_xtc
from aiida_elyte.science.trajectory.snapshot import SnapshotReader
from aiida_elyte.science.trajectory.text_formats import (
    LAMMPS_TIMES_FS,
    ExtendedXyz,
    LammpsDump,
    TextStream,
    Xdatcar,
    read_text,
)

__all__ = ["reader_of"]


def reader_of(path: Path, lammps_units: str) -> SnapshotReader:
    """Return the reader of the format that a file's first bytes tell.

    Raises
    ------
    InputError
        If the file is missing, empty or of an unknown format.
    """
    if not path.is_file():
        raise InputError(f"trajectory {path} is not there; expected a file; correct the path")
    with TextStream(path) as stream:
        head, is_gzipped = stream.first_bytes(4096), stream.is_gzipped
    if not head:
        raise InputError(f"{path} is empty; expected a trajectory; write it anew")
    dcd = partial(read_dcd, lammps_time_fs=LAMMPS_TIMES_FS[lammps_units])
    binary: list[tuple[int, bytes, SnapshotReader]] = [
        (4, b"CORD", dcd),
        (0, (1995).to_bytes(4, "big"), read_xtc),
        (0, (1993).to_bytes(4, "big"), read_trr),
        (0, b"- of Ulm", read_ase),
        (0, b"\x89HDF\r\n\x1a\n", read_torchsim),
    ]
    for offset, magic, reader in binary:
        if head[offset : offset + len(magic)] == magic:
            if is_gzipped:
                raise InputError(f"{path} is a gzipped binary file; expected a plain one; gunzip it")
            return reader
    lines = head.split(b"\n")
    if lines[0].startswith(b"ITEM:"):
        return partial(read_text, partial(LammpsDump, lammps_units=lammps_units))
    if len(lines) > 7 and lines[7].lstrip().startswith((b"Direct", b"Konfig")):
        return partial(read_text, Xdatcar)
    if len(lines) > 1 and lines[0].strip().isdigit():
        return partial(read_text, ExtendedXyz)
    raise InputError(
        f"{path} is of no known format; expected LAMMPS dump (text), DCD, XTC, TRR, XDATCAR, extxyz, ASE traj or "
        "HDF5 of torch-sim; convert it"
    )
