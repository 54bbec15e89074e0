"""Steps of the output of CP2K (Quickstep), with the files of positions, forces and cells that stand beside it."""

import re
from pathlib import Path

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.outputs.cp2k_files import Beside, length_of, read_beside
from aiida_elyte.science.labels.outputs.cp2k_level import cp2k_level
from aiida_elyte.science.labels.outputs.step import VOIGT, IonicStep, Output, Run, loose_numbers, numbers, read_lines
from aiida_elyte.units import BOHR_A, GPA, HARTREE_EV

__all__ = ["read_cp2k"]

_FORCE = HARTREE_EV / BOHR_A
_ENERGY = re.compile(r"^\s*ENERGY\| Total FORCE_EVAL \( (\w+) +\) energy [\[(]\S+[\])]:?\s+(\S+)\s*$")
_VARIES = re.compile(r"Ensemble Type +NP|Ensemble type +NP|RUN_TYPE +CELL_OPT|Run type +CELL_OPT", re.IGNORECASE)
_MOLECULE = re.compile(r"POISSON\| Periodicity +NONE")
_SAME_ENERGY = 2e-10
"""Positions are written with energies of ten decimals [hartree]."""
_NO_POSITIONS = (
    "its positions are not in the output; expected PROJECT-pos-1.xyz beside it (&MOTION &PRINT &TRAJECTORY), or of a "
    "single point PRINT_LEVEL MEDIUM"
)
_NO_CELL = "its cell is not in the output; expected PROJECT-1.cell beside it (&MOTION &PRINT &CELL)"
_NO_FORCES = "it has no forces; &FORCE_EVAL &PRINT &FORCES prints them"
_CUT = "the file ends within it"


def read_cp2k(path: Path) -> Output:
    """Read every evaluation of energy and forces; a file cut short gives its whole steps.

    With smearing the energy that CP2K prints holds the electronic entropy: it is the free energy.
    """
    return read_lines(path, _Run(path))


class _Run(Run):
    """What was read so far."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._beside: Beside | None = None
        self._new_run()

    def _new_run(self) -> None:
        self._first = len(self.steps)
        self._header: list[str] = []
        self._level: str | None = None
        self._project = ""
        self._cell: list[list[float]] = []
        self._symbols: list[str] = []
        self._positions: list[list[float]] = []
        self._length, self._positions_are_new = 1.0, False
        self._reading = ""
        self._new_step()

    def _new_step(self) -> None:
        self._converged: bool | None = None
        self._energy: float | None = None
        self._kind = "QS"
        self._forces: list[list[float]] = []
        self._has_forces = self._has_stress = self._began = False
        self._stress: list[list[float]] = []

    def take(self, line: str) -> None:
        """Take one line."""
        if "PROGRAM STARTED AT" in line:  # of a run behind another one, which may have ended within a block
            self._reading = ""
        if self._reading and self._take_row(line):
            return
        if self._level is None:
            self._header.append(line)
        if "PROGRAM STARTED AT" in line:
            if self._header[:-1] or self._began:
                self.finish()
                self._new_run()
            self.is_complete = False
        elif "PROGRAM ENDED AT" in line:
            self.is_complete = True
        elif match := re.match(r"\s*GLOBAL\| Project name\s+(\S+)", line):
            self._project = match[1]
        elif match := re.match(r"\s*CELL\| Vector [abc] \[(\w+)", line):
            self._take_cell(line, length_of(match[1]))
        elif (match := re.search(r"ATOMIC COORDINATES IN (\w+)", line, re.IGNORECASE)) and "QUICKSTEP" in line:
            if self._energy is not None:
                self._end_step()
            self._symbols, self._positions, self._reading = [], [], "positions"
            self._length, self._positions_are_new = length_of(match[1]), True
        elif "SCF WAVEFUNCTION OPTIMIZATION" in line or "Number of electrons:" in line:
            if self._energy is not None:
                self._end_step()
            self._began = "SCF WAVEFUNCTION" in line or self._began
        elif "SCF run converged" in line or "outer SCF loop converged" in line:
            if self._energy is not None:
                self._end_step()
            self._began = self._converged = True
        elif "SCF run NOT converged" in line or "outer SCF loop FAILED" in line:
            self._began, self._converged = True, False
        elif match := _ENERGY.match(line):
            if self._energy is not None:
                self._end_step()
            self._began, self._kind = True, match[1]
            self._energy = (loose_numbers(match[2]) or [float("nan")])[0]
        elif re.match(r"\s*(?:FORCES\| )?ATOMIC FORCES\b.*[\[(](?:a\.u\.|hartree/bohr)[\])]", line, re.IGNORECASE):
            if self._energy is not None:
                self._has_forces, self._forces, self._reading = True, [], "forces"
        elif re.match(r"\s*STRESS TENSOR \[(GPa|bar)\]|\s*STRESS\| Analytical stress tensor \[(GPa|bar)\]", line):
            self._has_stress, self._stress, self._reading = True, [], "stress"
            self._unit = GPA if "GPa" in line else 1e-4 * GPA

    def _take_cell(self, line: str, length: float) -> None:
        if len(self._cell) == 3:
            self._cell = []
        values = loose_numbers(
            line.partition("]:")[2].replace("|a| =", " ").replace("|b| =", " ").replace("|c| =", " ")
        )
        vector = np.array(values[:3])
        if len(values) == 4 and np.linalg.norm(vector) > 0:  # the length may have more decimals
            vector *= values[3] / np.linalg.norm(vector)
        self._cell.append((vector * length).tolist())

    def _take_row(self, line: str) -> bool:
        """Take a row of a block; False where the line is not part of it and is to be read as any other."""
        if self._reading == "positions":
            match = re.match(r"^\s*\d+\s+\d+\s+([A-Z][A-Za-z]?)\s+\d+\s+(.*)$", line)
            if match:
                self._symbols.append(match[1].capitalize())
                self._positions.append([value * self._length for value in numbers(match[2], 6)[:3]])
            elif self._symbols and not line.strip():
                self._reading = ""
            return match is not None or not line.strip() or "Atom" in line
        if self._reading == "forces":
            match = re.match(r"^\s*(?:FORCES\|\s+)?\d+\s+(?:\d+\s+[A-Z]\w*\s+)?([-+*.\dEe\s]+)$", line)
            if match:
                self._forces.append(loose_numbers(match[1])[:3] if match[1].count(".") >= 3 or "*" in line else [])
                return True
            if self._forces or (line.strip() and "Atom" not in line):
                self._reading = ""
                return False
            return True
        match = re.match(r"^\s*(?:STRESS\|\s+)?[xyzXYZ]\s+(\S+\s+\S+\s+\S+)\s*$", line)
        if match:
            decimals = {len(word.partition(".")[2]) for word in match[1].split()}
            self._stress.append(loose_numbers(match[1]) if len(decimals) == 1 else [])  # else one was cut
            if len(self._stress) == 3:
                self._reading = ""
        elif self._stress or not re.fullmatch(r"(?:\s*STRESS\|)?[\sxyzXYZ]*", line):  # cut: rows below are others
            self._reading = ""
            return False
        return True

    def _end_step(self, is_last: bool = False) -> None:
        """End the evaluation that began; ``is_last`` if the run ends here."""
        if not self._began:
            return
        is_cut = is_last and not self.is_complete
        header = "\n".join(self._header)
        cell = np.array(self._cell) if [len(row) for row in self._cell] == [3, 3, 3] else None
        if self._level is None:
            self._level = cp2k_level(header, cell)
            self._beside = read_beside(self._path, self._project)
            self._cell_varies = bool(_VARIES.search(header))
        beside = self._beside
        found = None if beside is None or self._energy is None else beside.geometry_of(self._energy, _SAME_ENERGY)
        symbols, positions = list(self._symbols), None
        has_cell = beside is not None and found is not None and found.number in beside.cells
        if beside is not None and found is not None:
            symbols, positions, cell = found.symbols, found.positions, beside.cells.get(found.number, cell)
            if self._positions_are_new and _is_in_bohr(positions, self._positions):
                raise InputError(
                    f"{self._path.with_name(f'{self._project}-pos-1.xyz')} is in bohr, as its first frame beside the "
                    "output shows; expected Å; convert it, or run with UNIT angstrom"
                )
        elif self._positions_are_new and [len(row) for row in self._positions] == [3] * len(symbols):
            positions = np.array(self._positions)
        is_first = self._positions_are_new
        self._positions_are_new = False
        forces: np.ndarray | None = None
        if self._has_forces and all(len(row) == 3 for row in self._forces):
            forces = np.array(self._forces).reshape(-1, 3) * _FORCE
        elif not self._has_forces and found is not None and beside is not None:
            forces = beside.forces.get(found.number)
        fault = None
        if self._kind != "QS":
            fault = f"its energy is of {self._kind} and not of Quickstep"
        elif self._converged is False:
            fault = "its electrons did not converge (CP2K says so)"
        elif self._energy is None:
            fault = _CUT if is_cut else "it has no energy"
        elif forces is None or (self._has_forces and positions is not None and len(forces) != len(positions)):
            fault = _CUT if is_cut else _NO_FORCES if not self._has_forces else "its forces are incomplete"
        elif self._has_stress and [len(row) for row in self._stress] != [3, 3, 3]:
            fault = _CUT if is_cut else "its stress is incomplete"
        elif not self._converged:
            fault = "nothing in the file says that its electrons converged"
        elif positions is None:
            fault = _NO_POSITIONS
        elif (cell is None and not _MOLECULE.search(header)) or (self._cell_varies and not is_first and not has_cell):
            fault = _NO_CELL
        if cell is not None and _MOLECULE.search(header):
            cell = None
        # CP2K counts the stress of a compressed cell positive.
        stress = -np.array(self._stress)[VOIGT] * self._unit if self._has_stress and fault is None else None
        energy = None if self._energy is None else self._energy * HARTREE_EV
        self.steps.append(IonicStep(symbols, cell, positions, self._level or "", energy, forces, stress, fault))
        self._new_step()

    def finish(self) -> None:
        """End a run: forces that are zero in every step belong to atoms that the input fixes."""
        self._reading = ""
        self._end_step(is_last=True)
        found = [step.forces for step in self.steps[self._first :] if step.forces is not None]
        if len(found) < 2 or len({forces.shape for forces in found}) > 1:
            return
        largest = np.max([np.abs(forces).max(axis=1) for forces in found], axis=0)
        if not ((largest == 0).any() and (largest > 1e-3).any()):
            return
        fault = f"forces on atoms {_words(np.flatnonzero(largest == 0))} are zero in every step: the input fixes them"
        self.steps[self._first :] = [
            step if step.fault else IonicStep(step.symbols, step.cell, step.positions, step.level, fault=fault)
            for step in self.steps[self._first :]
        ]


def _is_in_bohr(found: np.ndarray, told: list[list[float]]) -> bool:
    """Tell whether positions are those of the output [Å], in bohr."""
    if [len(row) for row in told] != [3] * len(found) or not np.abs(told).max() > 0:
        return False
    return float(np.abs(found * BOHR_A - told).max()) < 1e-3 < float(np.abs(found - told).max())


def _words(indices: np.ndarray) -> str:
    words = ", ".join(str(index + 1) for index in indices[:5])
    return words + (f" and {len(indices) - 5} more" if len(indices) > 5 else "")
