"""Steps of CASTEP's ``.castep``."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from aiida_elyte.science.labels.functionals import name_of_dispersion, name_of_functional
from aiida_elyte.science.labels.outputs.kpoints import spacing_of_mesh
from aiida_elyte.science.labels.outputs.step import VOIGT, BlockRun, IonicStep, Output, element_of, numbers, read_lines
from aiida_elyte.science.labels.theory import LevelOfTheory
from aiida_elyte.units import GPA

__all__ = ["read_castep"]

_ENERGIES = {
    "Final energy": 0,
    "Final free energy": 1,
    "Dispersion corrected final energy": 2,
    "Dispersion corrected final free energy": 3,
}
"""Energies, from the least to the most complete: the forces are the derivative of the last that is printed."""
_ENERGY = re.compile(r"^\s*(Final (?:free )?energy|Dispersion corrected final (?:free )?energy).*?=\s*(\S+)\s+eV")
_UNCONVERGED = ("has not reached the groundstate", "minimisation did not converge")
_ATOM = re.compile(r"^\s*x\s+([A-Z][a-z]?)\S*(?:\s+\[\S+\])?\s+\d+\s+(.*?)\s*x\s*$")
_FORCE = re.compile(r"^\s*\*\s+([A-Z][a-z]?)\S*(?:\s+\[\S+\])?\s+\d+\s+(.*?)\*\s*$")
_CONSTRAINED = "forces are those that remain under the constraints"


def read_castep(path: Path) -> Output:
    """Read every step of a single point, geometry optimisation or dynamics; a file cut short gives its whole steps.

    The energy is the free energy E - TS where there is one, with the correction for dispersion where there is one. That
    for the finite basis set depends on the cell alone and is left out: frames of all cells are of one cut-off.
    """
    return read_lines(path, _Run())


class _Run(BlockRun):
    """What was read so far; positions are fractions of the cell."""

    head_lines = 3000

    def _begin(self) -> None:
        super()._begin()
        self._energies: dict[int, float] = {}
        self._is_unconverged = False

    def _greets(self, line: str) -> bool:
        return "Welcome to" in line and "CASTEP" in line

    def _take_headline(self, line: str) -> None:
        if "Real Lattice(A)" in line:
            self._end_step()
            self._cell, self._reading = [], "cell"
        elif "Fractional coordinates of atoms" in line:
            self._end_step()
            self._symbols, self._positions, self._reading = [], [], "atoms"
        elif line.startswith("SCF loop"):
            if self._has_forces:
                self._end_step()
            self._began = True
        elif match := _ENERGY.match(line):
            if self._has_forces:
                self._end_step()
            self._began = True
            values = numbers(match[2] + " ", len(match[2].partition(".")[2]) or 1)
            self._energies[_ENERGIES[match[1]]] = values[0] if values else float("nan")
        elif any(words in line for words in _UNCONVERGED):
            self._is_unconverged = True
        elif re.match(r"^\s*\*+ (?:[A-Z]\w+ )*Forces \*+", line) and "nconstrained" not in line:
            if not self._has_forces:
                self._is_constrained = " Constrained" in line
                self._forces, self._has_forces, self._reading = [], True, "forces"
        elif re.match(r"^\s*\*+ (?:Symmetrised )?Stress Tensor \*+", line):
            if not self._has_stress:
                self._stress, self._has_stress, self._reading = [], True, "stress"
        elif line.startswith(("Total time", "Calculation time")):
            self.is_complete = True

    def _take_row(self, line: str) -> bool:
        if self._reading == "cell":
            values = numbers(line, 7)
            if len(values) >= 3:
                self._cell.append(values[:3])
            if len(self._cell) == 3 or (self._cell and len(values) < 3):
                self._reading = ""
            return len(values) >= 3
        if self._reading == "stress":
            if match := re.match(r"^\s*\*\s+[xyz]\s+([-\d*.].*?)\*\s*$", line):
                self._stress.append(numbers(match[1], 6))
            elif re.match(r"^\s*\*{20,}\s*$", line):
                self._reading = ""
            return True
        pattern, decimals, rows = (_ATOM, 6, self._positions) if self._reading == "atoms" else (_FORCE, 5, self._forces)
        if match := pattern.match(line):
            rows.append(numbers(match[2], decimals)[:3])
            if self._reading == "atoms":
                self._symbols.append(element_of(match[1]))
            return True
        if rows and not re.match(r"^\s*[x*]\s+\S", line):
            self._reading = ""
        return line.lstrip().startswith(("x", "*"))

    def _end_step(self, is_last: bool = False) -> None:
        self._reading = ""
        if not self._began:
            self._begin()
            return
        cell = self._cell_vectors
        if self._level is None:
            self._level = _read_level("\n".join(self._header), cell)
        fault = None
        if self._is_unconverged:
            fault = "its electrons did not converge (CASTEP says so)"
        elif not self._energies or not self._has_forces:
            fault = "the file ends within it" if is_last and not self.is_complete else "it has no energy or no forces"
        elif self._is_constrained:
            fault = _CONSTRAINED
        elif len(self._forces) != len(self._symbols) or any(len(row) != 3 for row in self._forces):
            fault = "the file ends within it" if is_last and not self.is_complete else "its forces are incomplete"
        elif self._has_stress and [len(row) for row in self._stress] != [3, 3, 3]:
            fault = "the file ends within it" if is_last and not self.is_complete else "its stress is incomplete"
        elif cell is None or any(len(row) != 3 for row in self._positions):
            fault = "its cell or its positions are incomplete"
        step = IonicStep(self._symbols, cell, None, self._level or "", fault=fault)
        if fault is None and cell is not None:
            step = replace(
                step,
                positions=np.einsum("ij,jk->ik", np.array(self._positions), cell),
                energy=self._energies[max(self._energies)],
                forces=np.array(self._forces),
                stress=np.array(self._stress)[VOIGT] * GPA if self._has_stress else None,
            )
        self.steps.append(step)
        self._begin()


def _read_level(header: str, cell: np.ndarray | None) -> str:
    """Return the level of theory as a line, empty where the header names no functional."""

    def first(pattern: str) -> str:
        match = re.search(pattern, header)
        return match[1].strip() if match else ""

    functional = first(r"using functional\s*: *(.+)")
    dispersion = None
    if first(r"dispersion correction\s*: *(\w+)") == "on":
        scheme = first(r"Dispersion-correction scheme\s*: *(\S+)")
        dispersion = name_of_dispersion(scheme) or scheme or "dispersion correction"
    mesh = [int(word) for word in first(r"MP grid size for SCF calculation is *([\d ]+)").split()]
    width = first(r"smearing width\s*: *([\d.Ee+-]+) +eV")
    spin = "unpolarised" if "non-spin-polarized" in header else "collinear spin"
    if first(r"spin-orbit coupling\s*: *(\w+)") == "on":
        spin = "spin-orbit coupling"
    block = header.partition("Files used for pseudopotentials:")[2].partition("-----")[0]
    rows = [row.split(maxsplit=1) for row in block.splitlines() if len(row.split()) > 1]
    cutoff = first(r"plane wave basis set cut-off\s*: *([\d.]+) +eV")
    if not functional:
        return ""
    return str(
        LevelOfTheory(
            method=name_of_functional(functional) or functional,
            dispersion=dispersion,
            hubbard={"": ""} if re.search(r"Hubbard U|DFT\+U", header) else {},
            cutoff=(float(cutoff),) if cutoff else (),
            kpoints=spacing_of_mesh(cell, mesh) if cell is not None and len(mesh) == 3 else None,
            smearing=(first(r"smearing scheme\s*: *(\S+)") or "Gaussian", float(width)) if width else ("fixed", 0.0),
            spin=spin,
            potentials={element_of(row[0]): row[1].strip().replace(",", ";") for row in rows},
        )
    )
