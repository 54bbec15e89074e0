"""A POSCAR by its own rules: elements, scale, counts and as many positions as they say."""

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal_files.elements import element_of_symbol
from aiida_elyte.science.crystal_files.record import CrystalFile
from aiida_elyte.science.poscar_scale import axis_factors

__all__ = ["read_poscar"]

_DECIMALS = 5
"""Numbers of a program have at least so many."""


def read_poscar(content: bytes) -> CrystalFile:
    """Read a POSCAR or CONTCAR; velocities after the positions are left out.

    Raises
    ------
    InputError
        If a line does not hold what its place asks for, or the file names no elements.
    """
    lines = content.decode("utf-8-sig", "replace").splitlines()
    notes: list[str] = []
    if len(lines) < 8:
        raise InputError(
            f"it has {len(lines)} lines; expected a POSCAR: comment, scale, cell, elements, counts, positions"
        )
    cell = np.array([_numbers(lines[row], row + 1, "a vector of the cell", 3) for row in range(2, 5)])
    try:
        factors = axis_factors(lines[1], cell)
    except ValueError as error:
        raise InputError(f"in its lines 2 to 5 {error}; write them anew") from error
    cell = cell * factors
    symbols, row = _elements(lines, notes)
    counts = _counts(lines[row], row + 1)
    if len(counts) != len(symbols):
        raise InputError(
            f"its line {row + 1} has {len(counts)} counts for {len(symbols)} elements ({' '.join(symbols)}); expected "
            "one each"
        )
    row += 1
    if row < len(lines) and lines[row].strip()[:1] in ("S", "s"):
        notes.append("constraints of selective dynamics are left out")
        row += 1
    mode = lines[row].strip()[:1].lower() if row < len(lines) else ""
    if mode not in ("d", "c", "k"):
        raise InputError(
            f"its line {row + 1} is {lines[row].strip() if row < len(lines) else ''!r}; expected Direct or Cartesian"
        )
    row += 1
    n_atoms = sum(counts)
    rows = lines[row : row + n_atoms]
    if len(rows) < n_atoms or not all(line.strip() for line in rows):
        held = next((index for index, line in enumerate(rows) if not line.strip()), len(rows))
        raise InputError(f"it holds {held} positions for {n_atoms} atoms; expected as many; the file may be cut")
    if row + n_atoms == len(lines) and not content.endswith((b"\n", b"\r")) and _is_cut(rows):
        raise InputError(
            f"its last line is {rows[-1].strip()!r}, with fewer decimals than the others and no end of line; the file "
            "is cut; copy it anew"
        )
    places = np.array([_numbers(line, row + 1 + index, "a position", 3) for index, line in enumerate(rows)])
    names = [symbol for symbol, count in zip(symbols, counts, strict=True) for _ in range(count)]
    if mode == "d":
        atoms = Atoms(names, scaled_positions=places, cell=cell, pbc=True)
    else:
        atoms = Atoms(names, positions=places * factors, cell=cell, pbc=True)
    return CrystalFile(atoms, np.ones(len(atoms)), notes=tuple(notes))


def _elements(lines: list[str], notes: list[str]) -> tuple[list[str], int]:
    """Return the elements, and the row of the counts; VASP 4 names elements at most in the comment."""
    words = lines[5].split()
    if words and not _is_count(words[0]):
        found = []
        for word in words:
            name = word.partition("/")[0].partition("_")[0]
            element = element_of_symbol(name)
            if element is None:
                raise InputError(f"its line 6 names {word!r}; expected elements, as Li P S")
            found.append(element)
        return found, 6
    n_kinds = len(_counts(lines[5], 6))
    comment = [element_of_symbol(word.partition("_")[0]) for word in lines[0].split()]
    if len(comment) == n_kinds and all(comment):
        found = [str(element) for element in comment]
        notes.append(f"the elements ({' '.join(found)}) are those of the comment line, as of VASP 4")
        return found, 5
    raise InputError(
        f"it names no elements, as of VASP 4 ({n_kinds} kinds of atoms, comment {lines[0].strip()!r}); expected a line "
        "with them before the counts; add it, as `Li P S`"
    )


def _counts(line: str, number: int) -> list[int]:
    words = line.partition("!")[0].partition("#")[0].split()
    if not words or not all(_is_count(word) and int(word) > 0 for word in words):
        raise InputError(f"its line {number} is {line.strip()!r}; expected the number of atoms of each element")
    return [int(word) for word in words]


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdecimal()


def _numbers(line: str, number: int, what: str, count: int) -> np.ndarray:
    """Return the first numbers of a line; what follows them is a comment or flags."""
    words = line.split()[:count]
    try:
        found = np.array([float(word.replace("d", "e").replace("D", "E")) for word in words])
    except ValueError:
        found = np.array([])
    if len(found) != count or not np.isfinite(found).all():
        raise InputError(
            f"its line {number} is {line.strip()!r}; expected {what}; see whether numbers touch or are cut"
        )
    return found


def _is_cut(rows: list[str]) -> bool:
    """Tell whether the last number has fewer decimals than all others, which a program wrote with the same."""
    decimals = [len(word.partition(".")[2]) for line in rows for word in line.split()[:3]]
    return decimals[-1] < min(decimals[:-1]) == max(decimals[:-1]) and decimals[0] >= _DECIMALS
