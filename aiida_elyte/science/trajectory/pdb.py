"""PDB trajectories, one model a frame, as GROMACS, CP2K, i-PI and MDAnalysis write them."""

import re
from collections.abc import Sequence

import numpy as np
from ase.geometry import cellpar_to_cell

from aiida_elyte.science.elements import are_elements, elements_in_residues
from aiida_elyte.science.trajectory.fixed_columns import slice_numbers
from aiida_elyte.science.trajectory.plain_xyz import read_ipi_comment
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.text_formats import EndOfFramesError, ResidueColumns, TextFormat
from aiida_elyte.science.trajectory.text_stream import TextStream

__all__ = ["Pdb", "is_pdb"]

_ATOMS = ("ATOM  ", "HETATM")
_FIRST = ("HEADER", "TITLE ", "REMARK", "CRYST1", "MODEL ", "COMPND", "AUTHOR", "EXPDTA", *_ATOMS)

_GROMACS_TIME = re.compile(r"\bt=\s*([-+.\dEe]+)(?:\s+step=\s*(\d+))?")
_CP2K_TIME = re.compile(r"\bStep\s+(\d+),\s*time\s*=\s*([-+.\dEe]+)")


def is_pdb(lines: Sequence[str]) -> bool:
    """Tell whether a file begins with a record of PDB."""
    return bool(lines) and lines[0][:6].ljust(6).startswith(_FIRST)


class Pdb(TextFormat):
    """PDB: a frame ends with ENDMDL or END, or where the next one begins; a cell counts until another one comes."""

    name = "a model of PDB"

    def __init__(self, notes: list[str]) -> None:
        self._atoms: list[str] = []
        self._remarks: list[str] = []
        self._next = ""
        self._cell: np.ndarray | None = None
        self._columns = ResidueColumns(notes)

    def head(self, text: TextStream) -> int:
        """Read a frame, the atoms of which are kept."""
        self._atoms, self._remarks = [], []
        while True:
            try:
                line, self._next = self._next or text.take(1), ""
            except EOFError as error:
                raise (error if self._atoms else EndOfFramesError()) from error
            record = line[:6].rstrip().ljust(6)
            if record in _ATOMS:
                self._atoms.append(line)
            elif self._atoms and record in ("ENDMDL", "END   "):
                return len(self._atoms)
            elif self._atoms and record in ("MODEL ", "CRYST1", "TITLE ", "REMARK"):
                self._next = line
                return len(self._atoms)
            elif record == "CRYST1":
                self._cell = _cell(line)
            elif record in ("TITLE ", "REMARK"):
                self._remarks.append(line)

    def rows(self, text: TextStream, n_atoms: int) -> list[str]:
        """Return the atoms."""
        return self._atoms

    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame."""
        positions = slice_numbers(rows, 30, 8, 3)
        remarks = " ".join(self._remarks)
        _, length, numbers = read_ipi_comment(remarks, default="angstrom")
        time_fs, step, source = None, numbers.get("Step"), ""
        if (found := _CP2K_TIME.search(remarks)) is not None:
            step, time_fs, source = int(found.group(1)), float(found.group(2)), "CP2K's 'time =' in fs"
        elif (found := _GROMACS_TIME.search(remarks)) is not None:
            time_fs, source = 1000.0 * float(found.group(1)), "t= in the titles"
            step = None if found.group(2) is None else int(found.group(2))
        return Snapshot(
            positions_A=positions * length,
            cell_A=None if self._cell is None else self._cell * length,
            symbols=self._elements(rows),
            time_fs=time_fs,
            step=step,
            time_source=source,
        )

    def _elements(self, rows: list[str]) -> np.ndarray | None:
        def find() -> tuple[Sequence[str] | None, str]:
            symbols = [row[76:78].strip().capitalize() for row in rows]
            if are_elements(symbols):
                return symbols, ""
            residues = [(row[21:27], row[17:21].strip()) for row in rows]
            return elements_in_residues([row[12:16].strip() for row in rows], residues)

        return self._columns([row[11:27] + row[76:78].strip() for row in rows], find)


def _cell(line: str) -> np.ndarray | None:
    """Return the cell of CRYST1; a cube of 1 Å stands for none."""
    lengths = [float(line[start : start + 9]) for start in (6, 15, 24)]
    angles = [float(line[start : start + 7]) for start in (33, 40, 47)]
    return np.asarray(cellpar_to_cell([*lengths, *angles])) if min(lengths) > 1.0 else None
