"""Steps of the output of FHI-aims."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from aiida_elyte.science.labels.functionals import name_of_functional
from aiida_elyte.science.labels.outputs.kpoints import spacing_of_mesh
from aiida_elyte.science.labels.outputs.step import (
    VOIGT,
    BlockRun,
    IonicStep,
    Output,
    element_of,
    loose_numbers,
    read_lines,
)
from aiida_elyte.science.labels.theory import LevelOfTheory

__all__ = ["read_aims"]

_USED = "Atomic structure (and velocities) as used in the preceding time step"
_WRAPPER = "Atomic structure that was used in the preceding time step of the wrapper"
_FIXED = re.compile(r"\s*(Found relaxation constraint for atom|constrain_relaxation\s)")
"""What the program says of an atom that is held, and its input, which it repeats."""
_DISPERSIONS = {
    "vdw_correction_hirshfeld": "TS",
    "many_body_dispersion": "MBD",
    "many_body_dispersion_nl": "MBD-NL",
    "xdm": "XDM",
}


def read_aims(path: Path) -> Output:
    """Read every step of a single point, relaxation or dynamics; a file cut short gives its whole steps.

    The energy is the electronic free energy, of which the forces are the derivative, and neither the total energy nor
    the one extrapolated to zero broadening.
    """
    return read_lines(path, _Run())


class _Run(BlockRun):
    """What was read so far."""

    head_lines = 4000

    def __init__(self) -> None:
        super().__init__()
        self._first_step = 0
        self._count = 0
        self._is_dynamics = False

    def _begin(self) -> None:
        super()._begin()
        self._is_told = self._is_other = False
        self._converged: bool | None = None
        self._energy: float | None = None

    def _greets(self, line: str) -> bool:
        return "Invoking FHI-aims" in line

    def _take_headline(self, line: str) -> None:
        if "Begin self-consistency loop" in line:
            self._end_step()
            self._began = True
        elif "Self-consistency cycle converged" in line:
            self._converged = True
        elif "Self-consistency cycle not yet converged" in line or "CYCLE DID NOT CONVERGE" in line:
            self._converged = False
        elif match := re.match(r"^\s*\| Electronic free energy\s*:\s*(\S+) eV\s*$", line):
            energy = (loose_numbers(match[1]) or [float("nan")])[0]
            # Dynamics tell it again with the positions that follow.
            self._is_other |= self._has_forces and energy != self._energy
            self._energy = energy
        elif line.lstrip().startswith("Total atomic forces"):
            self._is_constrained = "constraints were applied" in line
            self._forces, self._has_forces, self._reading = [], True, "forces"
        elif re.search(r"(?:Analytical|Numerical) stress tensor(?: - Symmetrized)?\s*\|", line):
            self._stress, self._has_stress, self._reading = [], True, "stress"
        elif line.lstrip().startswith("Updated atomic structure"):
            self._end_step()
            self._new_geometry("updated")
        elif _USED in line or _WRAPPER in line:
            self._is_told = True
            self._new_geometry("used")
        elif "| Unit cell:" in line:
            self._cell, self._reading = [], "cell"
        elif "| Atomic structure:" in line and not self._began:
            self._symbols, self._positions, self._reading = [], [], "header"
        elif match := re.match(r"\s*\| Number of atoms\s*:\s*(\d+)", line):
            self._count = int(match[1])
        elif "Complete information for previous time-step" in line or re.match(r"\s*MD_run\s", line):
            self._is_dynamics = True
        elif "Have a nice day" in line:
            self.is_complete = True

    def _begin_run(self) -> None:
        super()._begin_run()
        self._first_step, self._is_dynamics = len(self.steps), False

    def _new_geometry(self, reading: str) -> None:
        self._symbols, self._positions, self._reading = [], [], reading

    def _take_row(self, line: str) -> bool:
        if self._reading == "forces":
            match = re.match(r"^\s*\|\s+(\d+)\s+(.*)$", line)
            if match:
                self._forces.append(loose_numbers(match[2]) if line.count("E") == 3 or "*" in line else [])
            if not match or len(self._forces) == self._count:
                self._reading = ""
            return match is not None
        if self._reading == "stress":
            if match := re.match(r"^\s*\|\s+[xyz]\s+([-\d*.].*?)\|\s*$", line):
                self._stress.append(loose_numbers(match[1]))
            if len(self._stress) == 3 or not line.lstrip().startswith(("|", "+")):
                self._reading = ""
            return True
        if self._reading == "cell":
            self._cell.append(loose_numbers(line))
            if len(self._cell) == 3:
                self._reading = ""
            return True
        if self._reading == "header":
            match = re.match(r"^\s*\|\s+\d+: Species (\S+)\s+(.*)$", line)
            if match:
                self._symbols.append(element_of(match[1]))
                self._positions.append(loose_numbers(match[2])[:3])
            elif self._symbols:
                self._reading = ""
            return True
        return self._take_geometry(line.split())

    def _take_geometry(self, words: list[str]) -> bool:
        """Take a row of a geometry as geometry.in has it."""
        if words and words[0] == "lattice_vector":
            if len(self._cell) == 3:
                self._cell = []
            self._cell.append(loose_numbers(" ".join(words[1:4])))
        elif words and words[0] in ("atom", "atom_frac") and len(words) >= 5:
            if len(self._symbols) == self._count:  # the same atoms again, in fractions
                return True
            values = np.array(loose_numbers(" ".join(words[1:4])))
            cell = self._cell_vectors
            if words[0] == "atom_frac" and cell is not None and len(values) == 3:
                values = values @ cell
            self._symbols.append(element_of(words[4]))
            self._positions.append(values.tolist())
        elif words and words[0].startswith("---") and self._symbols:
            self._reading = ""
        return True

    def _end_step(self, is_last: bool = False) -> None:
        self._reading = ""
        if not self._began:
            return
        cell = self._cell_vectors
        if self._level is None:
            self._level = _read_level("\n".join(self._header), cell)
        missing = "the file ends within it" if is_last and not self.is_complete else "it is incomplete"
        fault = None
        if self._converged is False:
            fault = "its electrons did not converge (FHI-aims says so)"
        elif not self._has_forces and self._converged and self.is_complete:
            fault = "it has no forces; compute_forces .true. prints them"
        elif (
            self._energy is None
            or [len(row) for row in self._forces] != [3] * self._count
            or (self._has_stress and [len(row) for row in self._stress] != [3, 3, 3])
        ):
            fault = missing
        elif self._is_other:
            fault = "the energy told with its positions is another: lines of the file are missing or repeated"
        elif not self._converged:
            fault = "nothing in the file says that its electrons converged"
        elif self._is_dynamics and not self._is_told and not self._is_first():
            # Dynamics tell the geometry of a step after its forces, with the next one.
            fault = "its positions are not in the file" if self.is_complete else missing
        elif [len(row) for row in self._positions] != [3] * self._count or (self._cell and cell is None):
            fault = missing
        elif self._is_constrained and any(map(_FIXED.match, self._header)):
            fault = "its forces are those that remain under the constraints (constrain_relaxation)"
        step = IonicStep(list(self._symbols), cell, None, self._level or "", fault=fault)
        if fault is None:
            step = replace(
                step,
                positions=np.array(self._positions),
                energy=self._energy,
                forces=np.array(self._forces),
                stress=np.array(self._stress)[VOIGT] if self._has_stress else None,
            )
        self.steps.append(step)
        self._begin()

    def _is_first(self) -> bool:
        """Tell whether no other geometry was computed before: the one of the header is that of the step."""
        return all(step.fault is not None for step in self.steps[self._first_step :]) and not self._is_told


def _read_level(header: str, cell: np.ndarray | None) -> str:
    """Return the level of theory as a line, from the control.in that the output repeats; empty without one."""
    lines = [line.split("#")[0].split() for line in header.splitlines()]
    tags: dict[str, list[str]] = {}
    species: dict[str, str] = {}
    quality = ""
    for line, words in zip(header.splitlines(), lines, strict=True):
        if match := re.search(r'#\s+Suggested "(\w+)" defaults for (\w+) atom', line):
            quality = match[1]
        if len(words) == 2 and words[0] == "species":
            species[element_of(words[1])] = quality or "species defaults"
            quality = ""
        elif words:
            tags.setdefault(words[0], words[1:])
    functional = (tags.get("xc") or [""])[0]
    smearing = tags.get("occupation_type", [])
    mesh = [int(word) for word in tags.get("k_grid", []) if word.isdecimal()]
    if "include_spin_orbit" in tags:
        spin = "spin-orbit coupling"
    else:
        spin = "collinear spin" if tags.get("spin", ["none"])[0] == "collinear" else "unpolarised"
    relativity = " ".join(tags.get("relativistic", []))
    if not functional:
        return ""
    return str(
        LevelOfTheory(
            method=name_of_functional(functional) or functional,
            dispersion=next((name for tag, name in _DISPERSIONS.items() if tag in tags), None),
            hubbard={"": ""} if "plus_u" in tags else {},
            kpoints=spacing_of_mesh(cell, mesh) if cell is not None and len(mesh) == 3 else None,
            smearing=(smearing[0].capitalize(), float(smearing[1])) if len(smearing) > 1 else None,
            spin=spin,
            potentials=species,
            extras=(f"relativity {relativity}",) if relativity else (),
        )
    )
