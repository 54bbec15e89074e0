"""XYZ files whose comment lines say who wrote them: CP2K, LAMMPS and i-PI."""

import re
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from ase import units
from ase.geometry import cellpar_to_cell

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.text_formats import ElementColumn, TextFormat, read_table
from aiida_elyte.science.trajectory.text_stream import TextStream

__all__ = ["Cp2kXyz", "IpiXyz", "LammpsXyz", "read_ipi_comment"]

_CP2K = re.compile(r"^\s*i\s*=\s*([*\d]+)\s*,(?:\s*time\s*=\s*([-+.\dEe*]+)\s*,)?\s*E\s*=")
_LAMMPS = re.compile(r"^\s*Atoms\.\s+Timestep:\s*(\d+)")
_IPI_CELL = re.compile(r"CELL[(\[{](?:abcABC[)\]}]:((?:\s+\S+){6})|(?:H|GENH)[)\]}]:((?:\s+\S+){9}))")
_IPI_QUANTITY = re.compile(r"([A-Za-z_]\w*)\{([A-Za-z_.]*)\}")
_IPI_NUMBER = re.compile(r"\b(Step|Bead):\s*(\S+)")

_LENGTHS_A = {
    **dict.fromkeys(("", "atomic_unit", "automatic", "bohr", "au", "a.u."), units.Bohr),
    **dict.fromkeys(("angstrom", "ang"), 1.0),
    **dict.fromkeys(("nanometer", "nm"), 10.0),
}
"""Unit of length of i-PI [Å]; what is left out is atomic."""


class _Xyz(TextFormat):
    """Rows of a label and three coordinates under a comment."""

    sign: ClassVar[re.Pattern[str]]
    """What the comment holds."""
    looks: ClassVar[str]
    """What that looks like, in an error."""

    @classmethod
    def knows(cls, comment: str) -> bool:
        """Tell whether a comment is of this make."""
        return cls.sign.search(comment) is not None

    def __init__(self, notes: list[str], *, elements: Mapping[str, str] | None = None) -> None:
        self._notes = notes
        self._column = ElementColumn(elements)
        self._n_rows = 0
        self._comment = ""

    def head(self, text: TextStream) -> int:
        """Read the number of atoms and the comment."""
        self._n_rows = int(text.take(1))
        self._comment = text.take(1)
        return self._n_rows

    def _sign(self) -> re.Match[str]:
        found = self.sign.search(self._comment)
        if found is None:
            raise ValueError(f"comment {self._comment.strip()[:40]!r} where {self.looks} is expected")
        return found

    def _read(self, rows: list[str]) -> tuple[np.ndarray, np.ndarray]:
        table = read_table(rows, [("label", "U16", [0]), ("positions", float, [1, 2, 3])], self._n_rows)
        return self._column(table["label"]), table["positions"].copy()


class Cp2kXyz(_Xyz):
    """``-pos-1.xyz`` of CP2K: steps and times [fs] in the comment, no cell; positions as CP2K moves them, in Å."""

    name = "a frame of CP2K's XYZ"
    sign = _CP2K
    looks = "'i = , time = , E = '"

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        found = self._sign()
        number, time = found.groups()
        if "*" in number + (time or ""):
            raise ValueError(f"{found.group().strip()!r} holds ****, a number too wide for its columns")
        symbols, positions = self._read(rows)
        return Snapshot(
            positions_A=positions,
            cell_A=None,
            symbols=symbols,
            time_fs=None if time is None else float(time),
            step=None if time is None else int(number),
            counter=int(number) if time is None else None,
            time_source="" if time is None else "CP2K's 'time =' in fs",
        )


class LammpsXyz(_Xyz):
    """XYZ dump of LAMMPS: the step in the comment, types or elements as labels, no cell."""

    name = "a frame of LAMMPS' XYZ"
    sign = _LAMMPS
    looks = "'Atoms. Timestep:'"

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        step = int(self._sign().group(1))
        symbols, positions = self._read(rows)
        return Snapshot(positions_A=positions, cell_A=None, symbols=symbols, step=step)


class IpiXyz(_Xyz):
    """XYZ of i-PI: cell, step, bead and units in the comment; lengths without a unit are atomic."""

    name = "a frame of i-PI's XYZ"
    sign = _IPI_CELL

    def __init__(self, notes: list[str], *, elements: Mapping[str, str] | None = None) -> None:
        super().__init__(notes, elements=elements)
        self._bead: int | None = None

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        cell, length, numbers = read_ipi_comment(self._comment)
        bead = numbers.get("Bead")
        if self._bead is None:
            self._bead = bead
            if not _IPI_QUANTITY.search(self._comment):
                self._notes.append("i-PI's file tells no units; lengths are taken as atomic, its default")
        elif bead != self._bead:
            raise InputError(
                f"is of bead {bead}, the first of bead {self._bead}; expected one bead a file; split the file, or "
                "give that of the centroid (x_centroid)"
            )
        symbols, positions = self._read(rows)
        return Snapshot(positions_A=positions * length, cell_A=cell, symbols=symbols, step=numbers.get("Step"))


def read_ipi_comment(comment: str, *, default: str = "") -> tuple[np.ndarray | None, float, dict[str, int]]:
    """Return cell [Å], unit of length [Å], and step and bead from a comment of i-PI.

    Parameters
    ----------
    comment
        As ``# CELL(abcABC): 13.3 13.3 13.3 90 90 90  Step: 4  Bead: 1 positions{angstrom}  cell{angstrom}``.
    default
        Unit where there is none.

    Raises
    ------
    InputError
        If the file holds another quantity than positions, or a unit is unknown.
    ValueError
        If step, bead or cell are not numbers.
    """
    told = {name.lower(): unit.lower() for name, unit in _IPI_QUANTITY.findall(comment)}
    cell_unit = told.pop("cell", default)
    others = sorted(set(told) - {"positions", "x_centroid"})
    if others:
        raise InputError(f"holds {others[0]}; expected positions or x_centroid; give that file of i-PI")
    unit = next(iter(told.values()), default)
    unknown = sorted({unit, cell_unit} - set(_LENGTHS_A))
    if unknown:
        raise InputError(f"has lengths in {unknown[0]}; expected angstrom, nanometer or atomic_unit; convert it")
    numbers = {name: int(value) for name, value in _IPI_NUMBER.findall(comment)}
    found = _IPI_CELL.search(comment)
    if found is None:
        return None, _LENGTHS_A[unit], numbers
    parameters, matrix = found.groups()
    values = np.array((parameters or matrix).split(), float)
    if not np.isfinite(values).all():
        raise ValueError(f"cell {' '.join((parameters or matrix).split())} is not finite")
    # vectors are the columns of i-PI's matrix
    cell = np.asarray(cellpar_to_cell(values)) if parameters else values.reshape(3, 3).T
    cell = cell * _LENGTHS_A[cell_unit]
    return (cell if cell.any() and abs(np.linalg.det(cell)) > 0 else None), _LENGTHS_A[unit], numbers
