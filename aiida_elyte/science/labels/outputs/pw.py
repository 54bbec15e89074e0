"""Steps of the text that pw.x of Quantum ESPRESSO writes: scf, relax, md, with or without the cell."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from aiida_elyte.science.labels.outputs.pw_level import elements_of_species, pw_level
from aiida_elyte.science.labels.outputs.step import (
    OUT_OF_ORDER,
    VOIGT,
    IonicStep,
    Output,
    Run,
    element_of,
    loose_numbers,
    numbers,
    read_lines,
)
from aiida_elyte.units import BOHR_A, RYDBERG_EV

__all__ = ["read_pw"]

_FORCE = RYDBERG_EV / BOHR_A
_STRESS = RYDBERG_EV / BOHR_A**3
_ENERGY = re.compile(r"^!+ +total energy +=(.*)$")
_UNIT = re.compile(r"[({]\s*(\w+)(?:\s*=\s*([\d.]+))?\s*[)}]")
_ATOM = re.compile(r"^\s*atom\s+(\d+|\*+)\s+type\s+\d+\s+force =")
_FREE_NOTE = "atoms are fixed in the input; pw.x prints the forces on them too, and they are taken"


def read_pw(path: Path) -> Output:
    """Read every step of every run of the file; a file cut short gives its whole steps.

    The energy is the last ``!`` before the forces: with ``iprint`` every iteration prints one. With smearing it is the
    free energy F = E - TS.
    """
    return read_lines(path, _Text())


def _length(word: str) -> float:
    """Return a length [Å]; not a number where the field, in bohr, overflowed."""
    return (loose_numbers(word) or [float("nan")])[0] * BOHR_A


class _Text(Run):
    """What was read so far. A block of rows is read by the function that ``_rows`` holds until it returns False."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Callable[[str], bool] | None = None
        self._new_run()

    def _new_run(self) -> None:
        self._first_step = len(self.steps)
        self._header: list[str] = []
        self._in_header = True
        self._count = 0
        self._alat = 0.0
        self._level: str | None = None
        self._elements: dict[str, str] = {}
        self._labels: list[str] = []
        self._cell: list[list[float]] = []
        self._first_cell: np.ndarray | None = None
        self._positions: list[list[float]] = []
        self._fixed: set[tuple[int, int]] = set()
        self._scf_began = False
        self._new_step()

    def _new_step(self) -> None:
        self._energy: float | None = None
        self._converged: bool | None = None
        self._iteration, self._is_ordered = 0, True
        self._forces: list[list[float]] = []
        self._stress: list[list[float]] = []
        self._has_forces = self._has_stress = self._scf_began = False

    def take(self, line: str) -> None:
        """Take one line."""
        if "Program PWSCF" in line:  # a run behind another one, which may have ended within a block
            self.finish()
            self.is_complete = False
            self._new_run()
        if self._rows is not None:
            if self._rows(line):
                return
            self._rows = None
        if "JOB DONE" in line:
            self.is_complete = True
        elif "Self-consistent Calculation" in line:
            self._end_step()
            self._begin_scf()
        elif match := _ENERGY.match(line):
            if self._has_forces:  # the next step, without the words that begin it
                self._end_step()
            self._scf_began = True
            values = numbers(match[1], 8) if match[1].rstrip().endswith("Ry") else []
            self._energy = values[0] * RYDBERG_EV if values else None
        elif match := re.match(r"\s*iteration # *(\d+)", line):
            self._is_ordered &= int(match[1]) == self._iteration + 1
            self._iteration = int(match[1])
        elif "EXX: now go back" in line:  # iterations of the next exchange operator count from one
            self._iteration = 0
        elif "convergence has been achieved" in line:
            self._converged = True
        elif "convergence NOT achieved" in line:
            self._converged = False
        elif line.lstrip().startswith("Forces acting on atoms"):
            self._is_ordered &= not self._has_forces
            self._has_forces, self._forces, self._rows = True, [], self._take_force
        elif "total   stress" in line:
            self._is_ordered &= not self._has_stress
            self._has_stress, self._stress, self._rows = True, [], self._take_stress
        elif line.startswith("CELL_PARAMETERS"):
            self._end_step()
            self._cell, self._rows = [], self._cell_rows(line)
        elif line.startswith("ATOMIC_POSITIONS"):
            self._end_step()
            self._labels, self._positions, self._rows = [], [], self._position_rows(line)
        elif line.lstrip().startswith("site n."):
            if "alat units" in line:
                self._end_step()
                self._labels, self._positions, self._rows = [], [], self._take_site
        elif "crystal axes: (cart. coord. in units of alat)" in line:
            self._cell, self._rows = [], self._take_axis
        elif match := re.match(r"\s*lattice parameter \(alat\) *= *(\S+)", line):
            self._alat = _length(match[1])
        elif match := re.match(r"\s*celldm\(1\) *= *(\S+)", line):
            self._alat = _length(match[1]) or self._alat
        elif match := re.match(r"\s*number of atoms/cell *= *(\d+)", line):
            self._count = int(match[1])
        if self._in_header or (self._level is None and "ispersion" in line):
            self._header.append(line)

    def _begin_scf(self) -> None:
        if self._in_header:
            self._in_header, self._first_cell = False, self._cell_array()
        self._scf_began = True

    def _take_axis(self, line: str) -> bool:
        self._header.append(line) if self._in_header else None
        if re.match(r"\s*a\(\d\) = \(", line):
            self._cell.append([value * self._alat for value in loose_numbers(line.partition("=")[2])])
        return len(self._cell) < 3 and "a(" in line

    def _take_site(self, line: str) -> bool:
        match = re.match(r"\s*\d+\s+(\S+)\s+tau\( *(?:\d+|\*+)\) = \((.*)", line)
        if match is None:
            return False
        self._header.append(line) if self._in_header else None
        self._labels.append(match[1])
        self._positions.append([value * self._alat for value in loose_numbers(match[2])])
        return True

    def _cell_rows(self, line: str) -> Callable[[str], bool]:
        match = _UNIT.search(line)
        unit, value = (match[1].lower(), match[2]) if match else ("alat", None)
        if value:
            self._alat = float(value) * BOHR_A
        factor = {"angstrom": 1.0, "bohr": BOHR_A}.get(unit, self._alat)

        def take(row: str) -> bool:
            self._cell.append([value * factor for value in loose_numbers(row)])
            return len(self._cell) < 3

        return take

    def _position_rows(self, line: str) -> Callable[[str], bool]:
        match = _UNIT.search(line)
        unit = match[1].lower() if match else "alat"
        cell = self._cell_array()
        factor = {"angstrom": 1.0, "bohr": BOHR_A, "alat": self._alat}.get(unit)

        def take(row: str) -> bool:
            words = row.split()
            if len(self._labels) == self._count or not words or not re.match(r"[A-Za-z]", words[0]):
                return False
            values = np.array(loose_numbers(row.lstrip()[len(words[0]) :])[:3])
            index = len(self._labels)
            self._labels.append(words[0])
            if len(values) == 3:
                cartesian = values * factor if factor is not None else values @ cell if cell is not None else values * 0
                self._positions.append(cartesian.tolist())
            else:
                self._positions.append([])
            if len(words) >= 7 and set(words[-3:]) <= {"0", "1"}:
                self._fixed |= {(index, axis) for axis in range(3) if words[axis - 3] == "0"}
            return True

        return take

    def _take_force(self, line: str) -> bool:
        if not _ATOM.match(line):
            return not self._forces and (not line.strip() or "rho" in line)
        self._forces.append(numbers(line.partition("force =")[2], 8))
        return len(self._forces) < self._count

    def _take_stress(self, line: str) -> bool:
        self._stress.append(numbers(line, 8)[:3])
        return len(self._stress) < 3

    def _cell_array(self) -> np.ndarray | None:
        return np.array(self._cell) if [len(row) for row in self._cell] == [3, 3, 3] else None

    def _end_step(self, is_last: bool = False) -> None:
        """End the step that a self-consistent field began, if one did; ``is_last`` if the run or the file ends here."""
        if not self._scf_began:
            return
        missing = "the file ends within it" if is_last and not self.is_complete else "it is incomplete"
        if self._level is None:  # the terms of the first energy name corrections that the header does not
            header = "\n".join(self._header)
            self._elements = elements_of_species(header)
            self._level = pw_level(header, self._first_cell, self._alat or 1.0)
        fault = None
        if self._converged is False:
            fault = "its electrons did not converge (pw.x says so)"
        elif not self._has_forces or self._energy is None:
            fault = "it has no forces; tprnfor = .true. prints them" if self.is_complete else missing
        elif [len(row) for row in self._forces] != [3] * self._count or (
            self._has_stress and [len(row) for row in self._stress] != [3, 3, 3]
        ):
            fault = missing
        elif not self._is_ordered:
            fault = OUT_OF_ORDER
        elif not self._converged:
            fault = "nothing in the file says that its electrons converged"
        elif len(self._positions) != self._count or any(len(row) != 3 for row in self._positions):
            fault = f"it has {len(self._positions)} whole positions for {self._count} atoms"
        elif self._cell_array() is None:
            fault = "its cell is incomplete"
        symbols = [self._elements.get(label) or element_of(label) for label in self._labels]
        if fault is not None:
            self.steps.append(IonicStep(symbols, None, None, self._level or "", fault=fault))
        else:
            stress = None if not self._has_stress else -np.array(self._stress)[VOIGT] * _STRESS
            self.steps.append(
                IonicStep(
                    symbols,
                    self._cell_array(),
                    np.array(self._positions),
                    self._level or "",
                    self._energy,
                    np.array(self._forces) * _FORCE,
                    stress,
                )
            )
        self._new_step()

    def finish(self) -> None:
        """End a run: forces that are zero where atoms are fixed are not derivatives of the energy."""
        self._rows = None
        self._end_step(is_last=True)
        steps = self.steps[self._first_step :]
        rows, axes = [list(part) for part in zip(*sorted(self._fixed), strict=True)] if self._fixed else ([], [])
        if not rows:
            return
        held = [step.forces[rows, axes] for step in steps if step.fault is None and step.forces is not None]
        if not held or any(values.any() for values in held):
            self.notes = (_FREE_NOTE,) if held else self.notes
            return
        fault = "atoms are fixed in the input and the forces on them were set to zero"
        self.steps[self._first_step :] = [step if step.fault else replace(step, fault=fault) for step in steps]
