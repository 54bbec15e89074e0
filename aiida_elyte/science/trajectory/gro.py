"""GRO trajectories of GROMACS, as ``gmx trjconv -o run.gro`` writes them."""

import re
from collections.abc import Sequence

import numpy as np

from aiida_elyte.science.elements import elements_in_residues
from aiida_elyte.science.trajectory.fixed_columns import slice_numbers
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.text_formats import ResidueColumns, TextFormat
from aiida_elyte.science.trajectory.text_stream import TextStream

__all__ = ["Gro", "is_gro"]

_NM = 10.0
"""Å in a nanometre."""

_TIME = re.compile(r"\bt=\s*([-+.\dEe]+)(?:\s+step=\s*(\d+))?")
_ROW = re.compile(r".{15}[ \d*]{5}\s*-?\d+\.\d+")

_BOX = (0, 3, 4, 5, 1, 6, 7, 8, 2)
"""Place in the box line of xx, xy, xz, yx, …: it begins with the diagonal."""


def is_gro(lines: Sequence[str]) -> bool:
    """Tell whether a file begins as GRO does: title, number of atoms, rows in columns."""
    return len(lines) > 3 and lines[1].strip().isdigit() and _ROW.match(lines[2]) is not None


class Gro(TextFormat):
    """GRO: lengths in nm, velocities in nm/ps, time [ps] and step in the title; columns as wide as the decimals say.

    Elements come from the names of atoms and residues, where these are clear.
    """

    name = "a frame of GRO"

    def __init__(self, notes: list[str]) -> None:
        self._title = ""
        self._n_atoms = 0
        self._columns = ResidueColumns(notes)

    def head(self, text: TextStream) -> int:
        """Read title and number of atoms."""
        self._title = text.take(1)
        self._n_atoms = int(text.take(1))
        return self._n_atoms

    def rows(self, text: TextStream, n_atoms: int) -> list[str]:
        """Return the atoms and the box."""
        return text.take(n_atoms + 1).split("\n")[: n_atoms + 1]

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        atoms, box = rows[:-1], rows[-1].split()
        dots = [place for place, letter in enumerate(atoms[0]) if letter == "." and place >= 20]
        if len(dots) < 3 or len(box) not in (3, 9):
            raise ValueError("no coordinates, or a box of other than 3 or 9 numbers")
        width = dots[1] - dots[0]
        n_numbers = 6 if len(atoms[0].rstrip()) > 20 + 3 * width else 3
        numbers = slice_numbers(atoms, 20, width, n_numbers)
        cell = np.zeros(9)
        cell[[0, 4, 8]] = [float(word) for word in box[:3]]
        if len(box) == 9:
            cell = np.array(box, float)[list(_BOX)]
        found = _TIME.search(self._title)
        return Snapshot(
            positions_A=numbers[:, :3] * _NM,
            cell_A=cell.reshape(3, 3) * _NM if cell.any() else None,
            velocities_A_fs=numbers[:, 3:] * (_NM / 1000.0) if n_numbers == 6 else None,
            symbols=self._elements(atoms),
            time_fs=None if found is None else 1000.0 * float(found.group(1)),
            step=None if found is None or found.group(2) is None else int(found.group(2)),
            time_source="" if found is None else "t= in the titles",
        )

    def _elements(self, atoms: list[str]) -> np.ndarray | None:
        names = [row[:15] for row in atoms]

        def find() -> tuple[Sequence[str] | None, str]:
            residues = [(name[:5], name[5:10].strip()) for name in names]
            return elements_in_residues([name[10:15].strip() for name in names], residues)

        return self._columns(names, find)
