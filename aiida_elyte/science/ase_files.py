"""Frames that ASE reads, without what it makes up."""

from collections.abc import Iterator
from pathlib import Path

from ase import Atoms
from ase.io import iread

from aiida_elyte.errors import InputError
from aiida_elyte.science.archives import open_bytes

__all__ = ["read_with_ase"]

_DUMP = "ITEM: TIMESTEP"


def read_with_ase(path: Path) -> Iterator[Atoms]:
    """Yield the frames of a file.

    Of a dump of LAMMPS ASE takes types for atomic numbers, makes up an energy of 0 eV, and takes forces for eV/Å
    whatever the units: only one with a column of elements is read, without labels.

    Raises
    ------
    InputError
        If it is a dump of LAMMPS without elements.
    """
    is_dump = _is_dump(path)
    for atoms in iread(path, index=":"):
        if is_dump:
            atoms.calc = None
        yield atoms


def _is_dump(path: Path) -> bool:
    with open_bytes(path) as file:
        if not file.readline().startswith(_DUMP.encode()):
            return False
        columns: list[bytes] = next((line.split()[2:] for line in file if line.startswith(b"ITEM: ATOMS")), [])
    if b"element" not in columns:
        raise InputError(
            f"it is a dump of LAMMPS whose columns are {b' '.join(columns).decode(errors='replace')}; expected "
            "elements, which its types are not; add the column element (dump_modify element) or give extxyz"
        )
    return True
