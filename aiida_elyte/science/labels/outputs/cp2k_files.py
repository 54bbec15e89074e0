"""Files that CP2K writes beside its output: positions, forces, cells of each step."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aiida_elyte.science.archives import open_bytes
from aiida_elyte.science.labels.outputs.step import Lines, element_of, loose_numbers
from aiida_elyte.units import BOHR_A, HARTREE_EV

__all__ = ["Beside", "Geometry", "length_of", "read_beside"]


@dataclass(frozen=True)
class Geometry:
    """One frame of an XYZ file."""

    number: int
    """Of the step."""
    energy: float
    """Told in the comment, to ten decimals [hartree]."""
    symbols: list[str]
    """Element of each atom."""
    positions: np.ndarray
    """Numbers of the frame, ``shape=(n_atoms, 3)`` [Å, or hartree/bohr for forces]."""


class Beside:
    """What the files beside an output hold."""

    def __init__(self, geometries: list[Geometry], forces: dict[int, np.ndarray], cells: dict[int, np.ndarray]) -> None:
        self.forces = forces
        self.cells = cells
        self._geometries = geometries
        self._next = 0

    def geometry_of(self, energy: float, tolerance: float) -> Geometry | None:
        """Return the geometry of an energy [hartree], looked for from the last one found on; ``None`` without one."""
        for index in range(self._next, len(self._geometries)):
            if abs(self._geometries[index].energy - energy) < tolerance:
                self._next = index + 1
                return self._geometries[index]
        return None


def length_of(unit: str) -> float:
    """Return what a unit of length of CP2K is in Å; NaN for one that is not known, which no frame survives."""
    return {"angstrom": 1.0, "bohr": BOHR_A, "nm": 10.0, "pm": 0.01}.get(unit.lower(), float("nan"))


def read_beside(path: Path, project: str) -> Beside:
    """Read ``PROJECT-pos-1.xyz``, ``PROJECT-frc-1.xyz`` and ``PROJECT-1.cell`` in the folder of an output."""
    if not project:
        return Beside([], {}, {})
    positions, forces, cells = (path.with_name(f"{project}-{name}") for name in ("pos-1.xyz", "frc-1.xyz", "1.cell"))
    return Beside(
        list(_frames(positions)) if positions.is_file() else [],
        {frame.number: frame.positions * HARTREE_EV / BOHR_A for frame in _frames(forces)} if forces.is_file() else {},
        _cells(cells) if cells.is_file() else {},
    )


def _frames(path: Path) -> Iterator[Geometry]:
    """Yield the whole frames of an XYZ file; they end at the first that is not whole."""
    with open_bytes(path) as handle:
        lines = iter(Lines(handle))
        for line in lines:
            if not line.strip().isdecimal():
                return
            comment = next(lines, "")
            match = re.search(r"i = *(\d+).*?E = *(-?\d+\.\d+)", comment)
            rows = [next(lines, "").split() for _ in range(int(line))]
            values = [loose_numbers(" ".join(row[1:4])) for row in rows if len(row) >= 4]
            if match is None or [len(row) for row in values] != [3] * int(line):
                return
            yield Geometry(int(match[1]), float(match[2]), [element_of(row[0]) for row in rows], np.array(values))


def _cells(path: Path) -> dict[int, np.ndarray]:
    length, rows = 1.0, []
    with open_bytes(path) as handle:
        for line in Lines(handle):
            if not line.startswith("#"):
                rows.append(loose_numbers(line))
            elif match := re.search(r"Ax \[(\w+)\]", line):
                length = length_of(match[1])
    return {int(row[0]): length * np.array(row[2:11]).reshape(3, 3) for row in rows if len(row) == 12}
