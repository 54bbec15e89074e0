"""Folders of DeePMD-kit: ``type.raw``, ``type_map.raw``, and arrays in ``set.*/*.npy`` or ``*.raw``."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.raw import RawFrame

__all__ = ["find_systems", "read_deepmd"]

_PER_FRAME = {"energy": 1, "virial": 9}
_PER_ATOM = {"force": 3, "charge": 1}


def find_systems(folder: Path) -> list[Path]:
    """Return the systems in a folder: itself, or those below it, in the order of their names."""
    return sorted(path.parent for path in folder.rglob("type.raw"))


def read_deepmd(folder: Path, begin: int = 0) -> list[RawFrame]:
    """Read every frame of one system, numbered from ``begin`` on.

    Raises
    ------
    InputError
        If a file is missing, is not readable, or has another number of values than its frames and atoms.
    """
    numbers = _numbers(folder)
    if list(folder.glob("set.*/real_atom_types.npy")):
        raise InputError(
            f"{folder} holds frames of several compositions (real_atom_types.npy); expected one a system; split it "
            "with dpdata"
        )
    sets = sorted(folder.glob("set.*")) or [folder]
    suffix = ".npy" if sets != [folder] else ".raw"
    frames: list[RawFrame] = []
    is_periodic = not (folder / "nopbc").exists()
    for place in sets:
        coordinates = _load(place / f"coord{suffix}").reshape(-1)
        if coordinates.size % (3 * len(numbers)):
            raise InputError(
                f"{place / f'coord{suffix}'} holds {coordinates.size} values; expected a multiple of 3 × "
                f"{len(numbers)} atoms; check type.raw"
            )
        positions = coordinates.reshape(-1, len(numbers), 3)
        cells = _array(place / f"box{suffix}", (len(positions), 3, 3)) if is_periodic else None
        if is_periodic and cells is None:
            raise InputError(f"{place / f'box{suffix}'} does not exist; expected cells, or a file {folder / 'nopbc'}")
        found: dict[str, np.ndarray] = {}
        for name, width in (_PER_FRAME | _PER_ATOM).items():
            shape = (len(positions), *((len(numbers),) if name in _PER_ATOM else ()), *((width,) if width > 1 else ()))
            if (values := _array(place / f"{name}{suffix}", shape)) is not None:
                found[name] = values
        for index, atoms in enumerate(positions):
            cell = None if cells is None else cells[index]
            frames.append(
                RawFrame(
                    begin + len(frames),
                    Atoms(numbers, atoms, cell=cell, pbc=is_periodic),
                    {name: found[name][index] for name in _PER_FRAME if name in found},
                    {name: found[name][index] for name in _PER_ATOM if name in found},
                )
            )
    return frames


def _numbers(folder: Path) -> np.ndarray:
    try:
        types = [int(word) for word in (folder / "type.raw").read_text().split()]
        names = (folder / "type_map.raw").read_text().split()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{folder}: type.raw and type_map.raw cannot be read ({reason}); expected numbers of types and the element "
            "of each type"
        ) from error
    unknown = sorted({name for name in names if not atomic_numbers.get(name)})
    if unknown or not types or max(types) >= len(names) or min(types) < 0:
        what = f"type_map.raw names {unknown[0]}, not an element" if unknown else "type.raw names a type of no element"
        raise InputError(f"{folder}: {what}; expected an element for each type; write them into type_map.raw")
    return np.array([atomic_numbers[names[one]] for one in types])


def _load(path: Path) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path)
        return np.asarray(values, float)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read ({reason}); expected an array of numbers") from error


def _array(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    if not path.exists():
        return None
    values = _load(path)
    if values.size != np.prod(shape):
        raise InputError(
            f"{path} holds {values.size} values; expected {' × '.join(map(str, shape))}, as coordinates and types have "
            "it; the set is not whole"
        )
    return values.reshape(shape)
