"""Steps of VASP's OUTCAR."""

import re
from pathlib import Path

import numpy as np

from aiida_elyte.science.labels.outputs.kpoints import spacing_of_mesh, spacing_of_points
from aiida_elyte.science.labels.outputs.step import (
    OUT_OF_ORDER,
    IonicStep,
    Output,
    Run,
    element_of,
    numbers,
    read_lines,
)
from aiida_elyte.science.labels.outputs.vasp_level import element_of_title, vasp_level
from aiida_elyte.science.labels.outputs.vasprun import unconverged
from aiida_elyte.units import GPA

__all__ = ["read_outcar"]

_TAGS = re.compile(
    r"\b(NELM|GGA|METAGGA|LHFCALC|AEXX|HFSCREEN|LDAUL|LDAUU|LDAUJ|ISMEAR|SIGMA|LSORBIT|LNONCOLLINEAR|ISPIN|ENCUT|IVDW|"
    r"LUSE_VDW|LVDW|ICHARG|EFIELD|LDAU) *= *([^;!]*)"
)
_ITERATION = re.compile(r"Iteration\s+(\d+)\(\s*(\d+)\)")
_IN_KBAR = [0, 1, 2, 4, 5, 3]
"""Order of OUTCAR, xx yy zz xy yz zx, to ours, xx yy zz yz xz xy."""
_ENDS = ("General timing and accounting", "Total CPU time used")
_LEARNED = "steps predicted by the force field that VASP learns (ML_LMLFF) are not taken"


def read_outcar(path: Path) -> Output:
    """Read every ionic step; a file cut short gives its whole steps."""
    return read_lines(path, _Run())


class _Run(Run):
    """What was read so far."""

    def __init__(self) -> None:
        super().__init__()
        self._tags: dict[str, str] = {}
        self._titles: list[str] = []
        self._files: list[str] = []
        self._elements: list[str] = []
        self._counts: list[int] = []
        self._mesh: list[int] = []
        self._points: list[list[float]] = []
        self._cell: list[list[float]] = []
        self._level: str | None = None
        self._reading, self._left = "", 0
        self._begin()

    def _begin(self) -> None:
        """Forget the step that ended."""
        self._iterations, self._is_ordered = 0, True
        self._fault: str | None = None
        self._energy: float | None = None
        self._stress: np.ndarray | None = None
        self._rows: list[list[float]] = []
        self._has_forces = False

    def take(self, line: str) -> None:
        """Take one line."""
        if self._reading:
            self._take_row(line)
            return
        if match := _ITERATION.search(line):
            if int(match[2]) == 1 and self._iterations:
                self._end_step("it has no forces, or no energy after them; NWRITE = 0 and 1 leave them out")
            self._is_ordered &= int(match[2]) == self._iterations + 1
            self._iterations = int(match[2])
        elif "direct lattice vectors" in line:
            self._reading, self._left, self._cell = "cell", 3, []
        elif "TOTAL-FORCE" in line:
            self._reading, self._left = "forces", 0
            if "(ML)" in line:
                self._reading, self.notes = "learned", (_LEARNED,)
        elif line.startswith("  in kB"):
            values = numbers(line, 5)
            self._stress = -0.1 * GPA * np.array(values)[_IN_KBAR] if len(values) == 6 else np.full(6, np.nan)
        elif "free  energy   TOTEN" in line:
            self._take_energy(line)
        elif "EDIFF was not reached" in line or "hard stop encountered" in line:
            self._fault = "its electrons did not converge (VASP says so)"
        elif any(word in line for word in _ENDS):
            self.is_complete = True
        elif not self.steps:
            self._take_header(line)

    def _take_row(self, line: str) -> None:
        """Take a row of a block; a broken one ends the block, and what is missing of it is seen in the end."""
        if self._reading == "cell":
            self._cell.append(numbers(line, 9)[:3])
            self._left -= 1
            if not self._left:
                self._reading = ""
        elif line.lstrip().startswith("---"):
            self._left += 1
            if self._left == 2:
                self._has_forces |= self._reading == "forces"
                self._reading = ""
        elif self._reading == "forces":
            # The fields of positions have five decimals, those of forces six.
            half = len(line) // 2 if len(line) < 80 else 42
            self._rows.append(numbers(line[:half], 5)[:3] + numbers(line[half:], 6)[:3])
            if len(self._rows) > max(sum(self._counts), 1):
                self._reading = ""
        elif self._reading == "counts":  # a line holds ten types
            fields = line.replace("ions per type =", "").strip()
            if fields and not fields.strip(" 0123456789"):
                self._counts += _counts(fields)
            else:
                self._reading = ""
                self.take(line)
        elif self._reading == "points":
            row = [float(word) for word in re.findall(r"-?\d+\.\d+", line)]
            if len(row) == 4:
                self._points.append(row)
            else:
                self._reading = ""

    def _take_energy(self, line: str) -> None:
        """Take the energy after the forces, which ends a step; those of the iterations are spelt otherwise."""
        match = re.search(r"=(.*?)eV", line)
        if match is not None:
            word = match[1].strip()
            is_whole = re.fullmatch(r"-?\d*\.\d{6}(?:\d\d)?", word) is not None  # six decimals up to VASP 5.2
            self._energy = float(word) if is_whole else float("nan")
            if self._has_forces:
                self._end_step("")

    def _take_header(self, line: str) -> None:
        if "TITEL" in line:
            self._titles.append(" ".join(line.split("=", 1)[1].split()))
        elif line.startswith(" POTCAR:"):
            self._files.append(" ".join(line.split(":", 1)[1].split()))
        elif "VRHFIN" in line:
            self._elements.append(element_of(line.split("=")[1].split(":", maxsplit=1)[0]))
        elif "ions per type" in line:
            self._counts = _counts(line.split("=")[1])
            self._reading = "counts"
        elif "generate k-points for:" in line:
            self._mesh = [int(word) for word in re.findall(r"\d+", line)][:3]
        elif "k-points in reciprocal lattice and weights" in line:
            self._reading = "points"
        else:
            for name, value in _TAGS.findall(line):
                if name not in self._tags or self._tags[name].strip() in ("--", ""):
                    self._tags[name] = value.strip()
            if "LDA+U is selected" in line:
                self._tags["LDAU"] = "T"

    def finish(self) -> None:
        """End the step within which the file ends."""
        self._end_step("it has no forces, or no energy after them" if self.is_complete else "the file ends within it")

    def _end_step(self, missing: str) -> None:
        """End a step: by its energy, by the first iteration of the next, or by the end of the file.

        Parameters
        ----------
        missing
            Why forces or energy are missing, if they are.
        """
        if not self._iterations and not self._rows:
            return
        count = sum(self._counts)
        titles = self._titles or self._files  # the files are listed twice
        self._elements = self._elements or [element_of_title(title) for title in titles[: len(self._counts)]]
        symbols = [name for name, number in zip(self._elements, self._counts, strict=False) for _ in range(number)]
        is_whole = self._has_forces and self._energy is not None
        rows = [row for row in self._rows if len(row) == 6]
        table = np.array(rows, float).reshape(-1, 6)
        cell = np.array(self._cell, float) if [len(row) for row in self._cell] == [3, 3, 3] else None
        if self._level is None and cell is not None:
            self._level = self._read_level(cell)
        limit = int(float(self._tags.get("NELM", "60").split()[0]))
        fault = self._fault or unconverged(self._iterations, limit)
        if not is_whole:
            fault = missing
        elif not self._is_ordered:
            fault = OUT_OF_ORDER
        elif len(table) != count:
            fault = f"it has {len(table)} rows of positions and forces for {count} atoms"
        elif int(float(self._tags.get("ICHARG", "0").split()[0])) >= 10:
            fault = "its charge density was fixed (ICHARG above 10), so that its energy and forces are none"
        self.steps.append(
            IonicStep(symbols, cell, table[:, :3], self._level or "", self._energy, table[:, 3:], self._stress, fault)
        )
        self._begin()

    def _read_level(self, cell: np.ndarray) -> str:
        points = np.array(self._points, float).reshape(-1, 4)
        spacing = (
            spacing_of_mesh(cell, self._mesh) if self._mesh else spacing_of_points(cell, points[:, :3], points[:, 3])
        )
        titles = self._titles or self._files
        tags = dict(self._tags)
        if "SIGMA" in tags:  # the line goes on with words
            tags["SIGMA"] = tags["SIGMA"].split()[0]
        for name in ("ENCUT", "ISMEAR", "ISPIN", "LSORBIT", "LNONCOLLINEAR", "GGA", "METAGGA", "LHFCALC", "AEXX"):
            if name in tags:
                tags[name] = (tags[name].split() or [""])[0]
        return vasp_level(tags, list(zip(self._elements, titles, strict=False)), spacing)


def _counts(text: str) -> list[int]:
    """Return numbers of atoms, in fields of four digits that may touch."""
    return [int(word) for field in text.split() for word in re.findall(r"\d{1,4}(?=(?:\d{4})*$)", field)]
