"""Steps of VASP's vasprun.xml, read as a stream."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from aiida_elyte.science.archives import open_bytes
from aiida_elyte.science.labels.outputs.kpoints import spacing_of_mesh, spacing_of_points
from aiida_elyte.science.labels.outputs.step import VOIGT, IonicStep, Lines, Output, element_of, numbers
from aiida_elyte.science.labels.outputs.vasp_level import element_of_title, vasp_level
from aiida_elyte.units import GPA

__all__ = ["SELECTIVE_NOTE", "read_vasprun", "unconverged"]

_HEAVY = frozenset({"eigenvalues", "dos", "projected", "dielectricfunction", "time"})
"""Elements of a step that hold no label; forgotten as soon as read."""

SELECTIVE_NOTE = "atoms are fixed by selective dynamics; VASP writes the forces on them too, and they are taken"


def unconverged(steps: int, limit: int, unit: str = "NELM") -> str | None:
    """Return why a step is not a label if its electrons took every iteration they may.

    VASP up to 5.4 says ``EDIFF is reached`` on the last of them whatever happened, and vasprun.xml says nothing.
    """
    return f"its electrons did not converge ({steps} iterations of {unit} = {limit})" if steps >= limit else None


def read_vasprun(path: Path) -> Output:
    """Read every ionic step; a file cut short gives its whole steps."""
    run = _Run()
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    with open_bytes(path) as handle:
        lines = Lines(handle)
        try:
            for line in lines:
                parser.feed(line)
                for event, element in parser.read_events():
                    run.take(event, element)
        except ElementTree.ParseError:
            if not run.steps:
                raise
    is_cut = not run.is_complete or lines.is_cut
    if run.is_inside:
        run.steps.append(IonicStep(run.symbols, None, None, "", fault="the file ends within it"))
    return Output(run.steps, is_cut, (SELECTIVE_NOTE,) if run.is_selective else ())


class _Run:
    """What was read so far."""

    def __init__(self) -> None:
        self.steps: list[IonicStep] = []
        self.symbols: list[str] = []
        self.is_selective = self.is_inside = self.is_complete = False
        self._tags: dict[str, str] = {}
        self._limit: int | None = None
        self._potentials: list[tuple[str, str]] = []
        self._mesh: list[int] = []
        self._points, self._weights = np.zeros((0, 3)), np.zeros(0)
        self._level = ""
        self._iterations, self._is_solved = 0, False

    def take(self, event: str, element: ElementTree.Element) -> None:
        """Take one element."""
        if event == "start":
            if element.tag == "calculation":
                self.is_inside, self._iterations, self._is_solved = True, 0, False
            return
        if element.tag == "scstep":
            # What follows the forces are the iterations of a linear response (LEPSILON, IBRION = 7 and 8).
            self._iterations += not self._is_solved
            element.clear()
        elif element.tag in _HEAVY:
            element.clear()
        elif element.tag in ("incar", "parameters"):
            self._take_tags(element)
        elif element.tag == "kpoints":
            self._take_kpoints(element)
        elif element.tag == "atominfo":
            self._take_atoms(element)
        elif element.tag == "varray" and element.get("name") == "forces":
            self._is_solved = True
        elif element.tag == "varray" and element.get("name") == "selective":
            self.is_selective |= any("F" in (row.text or "") for row in element)
        elif element.tag == "calculation":
            self._take_step(element)
            self.is_inside = False
            element.clear()
        elif element.tag == "modeling":
            self.is_complete = True

    def _take_tags(self, element: ElementTree.Element) -> None:
        for one in element.iter():
            name, text = one.get("name", ""), (one.text or "").strip()
            # The defaults follow the INCAR; of a tag it sets they may say no more than "--".
            if one.tag in ("i", "v") and text and (text != "--" or name not in self._tags):
                self._tags[name] = text
        for part in element.iter("separator"):  # "response functions" have a NELM of their own
            if part.get("name") == "electronic convergence":
                for one in part.iter("i"):
                    if one.get("name") == "NELM":
                        self._limit = int(one.text or 0)
        if self._limit is None:
            first = next((one.text for one in element.iter("i") if one.get("name") == "NELM"), None)
            self._limit = int(first) if first else None

    def _take_kpoints(self, element: ElementTree.Element) -> None:
        for one in element.iter("v"):
            if one.get("name") == "divisions":
                self._mesh = [int(word) for word in (one.text or "").split()]
        for one in element.iter("varray"):
            if one.get("name") == "kpointlist":
                self._points = _rows(one, 8)
            elif one.get("name") == "weights":
                self._weights = _rows(one, 8).ravel()

    def _take_atoms(self, element: ElementTree.Element) -> None:
        tables = {
            array.get("name"): [["".join(cell.itertext()).strip() for cell in row] for row in array.iter("rc")]
            for array in element.iter("array")
        }
        titles = [" ".join(row[4].split()) for row in tables.get("atomtypes", [])]
        self._potentials = [(element_of_title(title), title) for title in titles]
        self.symbols = [element_of(row[0]) for row in tables.get("atoms", [])]
        for index, row in enumerate(tables.get("atoms", [])):
            # VASP writes Zr as r and Xe as X.
            if self.symbols[index] == "X" and row[1].isdigit() and 0 < int(row[1]) <= len(titles):
                self.symbols[index] = self._potentials[int(row[1]) - 1][0]

    def _take_step(self, element: ElementTree.Element) -> None:
        structure = element.find("structure")
        cell = positions = None
        if structure is not None:
            cell = _named(structure, "basis", 8)
            scaled = _named(structure, "positions", 8)
            positions = None if cell is None or scaled is None else scaled @ cell
        if not self.steps and cell is not None and cell.shape == (3, 3):
            spacing = spacing_of_points(cell, self._points, self._weights)
            self._level = vasp_level(
                self._tags, self._potentials, spacing_of_mesh(cell, self._mesh) if self._mesh else spacing
            )
        sigma = _named(element, "stress", 8)
        if sigma is not None and sigma.shape == (3, 3):
            sigma = -0.1 * GPA * ((sigma + sigma.T) / 2)[VOIGT]
        found = next((one.text for one in element.findall("energy/i") if one.get("name") == "e_fr_energy"), None)
        energy = None if found is None else _row(found, 8)
        self.steps.append(
            IonicStep(
                self.symbols,
                cell,
                positions,
                self._level,
                energy=energy[0] if energy else None,
                forces=_named(element, "forces", 8),
                stress=sigma,
                fault=self._fault(),
            )
        )

    def _fault(self) -> str | None:
        if int(float(self._tags.get("ICHARG", "0").split()[0])) >= 10:
            return "its charge density was fixed (ICHARG above 10), so that its energy and forces are none"
        if not self._iterations:
            return "it has no self-consistent step: its labels, if any, are those of a force field that VASP learned"
        return unconverged(self._iterations, self._limit or 60)


def _named(element: ElementTree.Element, name: str, decimals: int) -> np.ndarray | None:
    found = next((one for one in element.iter("varray") if one.get("name") == name), None)
    return None if found is None else _rows(found, decimals)


def _rows(element: ElementTree.Element, decimals: int) -> np.ndarray:
    rows = [_row(one.text or "", decimals) for one in element.iter("v")]
    width = max(map(len, rows), default=0)
    return np.array([row + [np.nan] * (width - len(row)) for row in rows], float).reshape(len(rows), width)


def _row(text: str, decimals: int) -> list[float]:
    """Return the numbers of a row; they touch, or are stars, where they do not fit their field."""
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return numbers(text, decimals)
