"""One crystal from a file, in whatever format it is."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype

from aiida_elyte.errors import InputError
from aiida_elyte.science.archives import DAMAGED, open_bytes
from aiida_elyte.science.ase_files import read_with_ase
from aiida_elyte.science.crystal import check_structure, refuse_partial
from aiida_elyte.science.crystal_files.cif import read_cif
from aiida_elyte.science.crystal_files.poscar import read_poscar
from aiida_elyte.science.crystal_files.record import CrystalFile
from aiida_elyte.science.frames import round_frame
from aiida_elyte.science.labels.extxyz import read_extxyz

__all__ = ["read_crystal", "read_structure"]

_CIF = (".cif", ".mcif", ".mmcif")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def read_structure(path: str | Path) -> Atoms:
    """Read one ordered crystal: CIF, POSCAR, extxyz and whatever else ASE reads.

    Only species, positions, cell and periodicity are kept: no constraints, no labels, no bookkeeping of the file.

    Parameters
    ----------
    path
        File with exactly one structure, every site fully occupied.

    Returns
    -------
    ase.Atoms
        Periodic structure, coordinates rounded to 1e-8 Å.

    Raises
    ------
    InputError
        As ``read_crystal``, and if sites are partially occupied.
    """
    return read_crystal(path, is_ordered=True).atoms


def read_crystal(path: str | Path, is_ordered: bool = False) -> CrystalFile:
    """Read one crystal, with what was decided in reading it.

    Parameters
    ----------
    path
        File with exactly one structure.
    is_ordered
        Reject partial occupancies.

    Raises
    ------
    InputError
        If the file is missing, a folder, empty or unreadable, holds no or several structures, contradicts itself, or
        ``check_structure`` rejects it.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"structure file {path} is a folder; expected a file; give a CIF, POSCAR or extxyz file in it")
    if not path.is_file():
        raise InputError(f"structure file {path} does not exist; give the path of a CIF, POSCAR or extxyz file")
    content = _content(path)
    if not content.strip():
        raise InputError(f"structure file {path} is empty; expected a crystal structure (CIF, POSCAR, extxyz, …)")
    kind = _kind(path)
    try:
        if kind == "cif":
            found = read_cif(content, is_ordered)
        elif kind == "vasp":
            found = read_poscar(content)
        elif kind in ("extxyz", "xyz"):
            found = _read_extxyz(content)
        else:
            found = _read_with_ase(path)
            if is_ordered:
                refuse_partial(found.partial, "it")
    except InputError as error:
        raise InputError(f"structure file {path}: {error}") from error
    if not found.partial:
        check_structure(found.atoms, f"structure file {path}")
    plain = Atoms(numbers=found.atoms.numbers, positions=found.atoms.positions, cell=found.atoms.cell, pbc=True)
    return replace(found, atoms=round_frame(plain))


def _content(path: Path) -> bytes:
    try:
        with open_bytes(path) as file:
            return file.read()
    except (EOFError, *DAMAGED) as error:
        raise InputError(f"structure file {path} cannot be read ({error}); expected a readable file") from error


def _kind(path: Path) -> str:
    """Return the name of the format, as ASE calls it."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _COMPRESSED]
    if suffixes and suffixes[-1] in _CIF:
        return "cif"
    try:
        found: str = filetype(str(path))
    except UnknownFileTypeError as error:
        raise InputError(
            f"structure file {path} is of no format ASE knows; give a CIF, POSCAR or extxyz file with its usual name"
        ) from error
    except Exception as error:  # ASE opens the file to guess, and raises anything on a broken one
        raise InputError(
            f"structure file {path} cannot be read ({error}); expected a CIF, POSCAR, extxyz, …"
        ) from error
    return found


def _read_with_ase(path: Path) -> CrystalFile:
    try:
        found = list(read_with_ase(path))
    except InputError:
        raise
    except UnknownFileTypeError as error:
        raise InputError(
            "it is of no format ASE knows; give a CIF, POSCAR or extxyz file with its usual name"
        ) from error
    except Exception as error:  # ASE's readers raise anything on a broken file
        reason = f"{type(error).__name__}: {error}" if str(error) else "its content is malformed"
        raise InputError(f"it cannot be read ({reason}); expected a CIF, POSCAR, extxyz, …") from error
    return _only_one(found, ())


def _read_extxyz(content: bytes) -> CrystalFile:
    """Read extended XYZ as data sets are read: keys and elements in any case, broken frames rejected by their fault."""
    frames, left_out, notes = read_extxyz(content.decode("utf-8-sig", errors="replace"))
    if left_out:
        raise InputError(
            f"its frame {left_out[0].index} cannot be read: {left_out[0].reason}; expected one whole structure"
        )
    return _only_one([frame.atoms for frame in frames], notes)


def _only_one(found: Sequence[Atoms], notes: Sequence[str]) -> CrystalFile:
    if not found:
        raise InputError("it holds no structure; expected one; see that the file is complete")
    if len(found) != 1:
        raise InputError(f"it holds {len(found)} structures; expected one; keep the one you want")
    return CrystalFile(found[0], np.ones(len(found[0])), notes=tuple(notes))
