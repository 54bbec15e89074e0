"""XDATCAR of VASP."""

import re
from collections.abc import Sequence

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.poscar_scale import axis_factors
from aiida_elyte.science.trajectory.fixed_columns import split_touching
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.text_formats import ElementColumn, TextFormat, read_table
from aiida_elyte.science.trajectory.text_stream import TextStream

__all__ = ["Xdatcar", "is_xdatcar", "read_poscar_head"]

_CONFIGURATION = re.compile(r"\s*(?:Direct|Konfig)")


def is_xdatcar(lines: Sequence[str]) -> bool:
    """Tell whether a file begins as an XDATCAR of VASP 5 or later does.

    Raises
    ------
    InputError
        If it begins as one of VASP 4, which holds neither cell vectors nor elements.
    """
    if len(lines) > 5 and lines[3].strip() == "CAR" and lines[0].split()[:1] != ["ITEM:"]:
        raise InputError(
            "is an XDATCAR of VASP 4, which holds neither cell vectors nor elements; expected one of VASP 5 or later; "
            "write its first lines anew from the POSCAR: title, scale, three vectors, symbols, counts"
        )
    return any(_CONFIGURATION.match(line) for line in lines[6:8])


def read_poscar_head(lines: Sequence[str]) -> tuple[np.ndarray, list[str] | None, list[int]]:
    """Return cell vectors [Å], symbols and counts from the lines behind the title of a POSCAR or XDATCAR.

    ``None`` stands for symbols that are left out.

    Raises
    ------
    ValueError
        If the lines are of no such file.
    """
    vectors = np.array([line.split()[:3] for line in lines[1:4]], float)
    scale = axis_factors(lines[0], vectors)
    words = lines[4].split()
    if all(word.isdigit() for word in words):
        return scale * vectors, None, [int(word) for word in words]
    names = [word.split("_")[0].split("/")[0] for word in words]
    counts = [int(word) for word in lines[5].split()]
    if len(counts) != len(names):
        raise ValueError(f"{len(names)} symbols and {len(counts)} counts")
    return scale * vectors, names, counts


class Xdatcar(TextFormat):
    """XDATCAR of VASP 5 or later: one header (NVT), or one before each configuration (NPT).

    Numbers fill their columns, so that negative ones may touch.
    """

    name = "a configuration of an XDATCAR"

    def __init__(self, notes: list[str]) -> None:
        self._cell = np.zeros((0, 0))
        self._column = ElementColumn()
        self._symbols: np.ndarray | None = None
        self._n_atoms = self._number = 0

    def head(self, text: TextStream) -> int:
        """Read the line ahead of a configuration, and the header where there is one."""
        line = text.take(1)
        if not self._cell.size or not _CONFIGURATION.match(line):
            lines = [text.take(1) for _ in range(5)]
            if not all(word.isdigit() for word in lines[4].split()):
                lines.append(text.take(1))
            self._cell, names, counts = read_poscar_head(lines)
            self._n_atoms = sum(counts)
            self._symbols = None if names is None else self._column(np.repeat(names, counts))
            line = text.take(1)
        if not _CONFIGURATION.match(line):
            raise ValueError(f"{line.strip()[:40]!r} where 'Direct configuration=' is expected")
        self._number = int(line.partition("=")[2])
        return self._n_atoms

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        return Snapshot(
            positions_A=self._scaled(rows) @ self._cell,
            cell_A=self._cell,
            symbols=self._symbols,
            counter=self._number,
        )

    def _scaled(self, rows: list[str]) -> np.ndarray:
        """Return the scaled positions; rows are taken apart by width where numbers touch."""
        try:
            return np.asarray(read_table(rows, [("scaled", float, [0, 1, 2])], self._n_atoms)["scaled"])
        except ValueError:
            if any("*" in row for row in rows):
                raise
            return np.array([split_touching(row, 3) for row in rows], float)
