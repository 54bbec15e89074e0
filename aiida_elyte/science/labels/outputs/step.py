"""One geometry of an output with what was computed for it, before anybody judged whether it is a label."""

import lzma
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from ase.data import atomic_numbers

from aiida_elyte.science.archives import open_bytes

__all__ = [
    "OUT_OF_ORDER",
    "VOIGT",
    "BlockRun",
    "IonicStep",
    "Lines",
    "Output",
    "Run",
    "element_of",
    "loose_numbers",
    "numbers",
    "read_lines",
]

OUT_OF_ORDER = "its iterations are out of order: lines of the file are missing or repeated"

VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])
"""Rows and columns of a stress in ASE's order xx yy zz yz xz xy."""

_CUT = (EOFError, zlib.error, lzma.LZMAError)
"""What the end of a compressed file that was cut short raises."""


@dataclass(frozen=True)
class IonicStep:
    """One geometry: numbers as the file holds them, in eV and Å; not a number where they overflowed their field."""

    symbols: Sequence[str]
    """Element of each atom."""
    cell: np.ndarray | None
    """Lattice vectors as rows, ``shape=(3, 3)`` [Å]; ``None`` for a molecule."""
    positions: np.ndarray | None
    """Cartesian coordinates, ``shape=(n_atoms, 3)`` [Å]; ``None`` where the file has none."""
    level: str
    """Level of theory."""
    energy: float | None = None
    """The energy of which the forces are the derivative: the free energy under smearing [eV]."""
    forces: np.ndarray | None = None
    """Forces, ``shape=(n_atoms, 3)`` [eV/Å]."""
    stress: np.ndarray | None = None
    """Stress, ASE's sign and order, ``shape=(6,)`` [eV/Å³]."""
    fault: str | None = None
    """Why it is not a label, where the file tells; ``None`` for one that is."""


@dataclass(frozen=True)
class Output:
    """What an output holds."""

    steps: list[IonicStep]
    """Every geometry for which a calculation began, in the order of the file."""
    is_cut: bool = False
    """Whether the file lacks the end that a finished run writes."""
    notes: tuple[str, ...] = ()
    """What a user should know of the whole file."""


class Lines:
    """Lines of a text; a compressed file that was cut short ends where it was cut, and ``is_cut`` tells."""

    def __init__(self, handle: Iterable[bytes]) -> None:
        self.is_cut = False
        self._handle = handle

    def __iter__(self) -> Iterator[str]:
        try:
            for line in self._handle:
                yield line.decode("utf-8", "replace")
        except Exception as error:
            # The class of zstandard's failures has no name where that module is not installed.
            if not isinstance(error, _CUT) and type(error).__name__ != "ZstdError":
                raise
            self.is_cut = True


class Run(ABC):
    """What was read so far of a text.

    Attributes
    ----------
    steps, notes
        As of ``Output``.
    is_complete
        Whether the end was read that a finished run writes.
    """

    def __init__(self) -> None:
        self.steps: list[IonicStep] = []
        self.is_complete = False
        self.notes: tuple[str, ...] = ()

    @abstractmethod
    def take(self, line: str) -> None:
        """Take one line, without its end."""

    @abstractmethod
    def finish(self) -> None:
        """End what the end of the file breaks off."""


class BlockRun(Run):
    """What was read so far of a text with a header, and then blocks of rows under headlines."""

    head_lines: ClassVar[int]
    """The header, which tells the level of theory, is within these lines."""

    def __init__(self) -> None:
        super().__init__()
        self._header: list[str] = []
        self._level: str | None = None
        self._cell: list[list[float]] = []
        self._symbols: list[str] = []
        self._positions: list[list[float]] = []
        self._reading = ""
        """Block whose rows are read."""
        self._begin()

    def _begin(self) -> None:
        """Forget what was computed for the geometry before."""
        self._began = self._has_forces = self._is_constrained = self._has_stress = False
        self._forces: list[list[float]] = []
        self._stress: list[list[float]] = []

    def take(self, line: str) -> None:
        """Take one line: of the header, of the block that is read, or a headline."""
        if self._greets(line):
            self._begin_run()
        if self._level is None and len(self._header) < self.head_lines:
            self._header.append(line)
        if not (self._reading and self._take_row(line)):
            self._take_headline(line)

    def _begin_run(self) -> None:
        """Begin a run behind another one, which may have ended within a block."""
        self._end_step(is_last=True)
        self.is_complete, self._level = False, None
        self._header, self._cell, self._symbols, self._positions = [], [], [], []

    def finish(self) -> None:
        """End the step within which the file ends."""
        self._end_step(is_last=True)

    @property
    def _cell_vectors(self) -> np.ndarray | None:
        return np.array(self._cell) if [len(row) for row in self._cell] == [3, 3, 3] else None

    @abstractmethod
    def _greets(self, line: str) -> bool:
        """Tell whether the program begins a run with this line."""

    @abstractmethod
    def _take_row(self, line: str) -> bool:
        """Take a row of a block; False where the line is not part of it and is to be read as any other."""

    @abstractmethod
    def _take_headline(self, line: str) -> None:
        """Take a line that belongs to no block."""

    @abstractmethod
    def _end_step(self, is_last: bool = False) -> None:
        """End the step that a self-consistent field began, if one did; ``is_last`` if the file ends here."""


def read_lines(path: Path, run: Run) -> Output:
    """Let a run take the lines of a file, plain or compressed, and return what it read."""
    with open_bytes(path) as handle:
        lines = Lines(handle)
        for line in lines:
            run.take(line.rstrip("\r\n"))
    run.finish()
    return Output(run.steps, lines.is_cut or not run.is_complete, run.notes)


def numbers(text: str, decimals: int) -> list[float]:
    """Return the numbers of a line written with a fixed count of decimals, even where two touch.

    A field of stars, which Fortran writes for a number that does not fit, or one that says NaN or Infinity, is not a
    number; a number cut before its last decimal is none of the result.
    """
    pattern = (
        rf"[-+]?\d*\.\d{{{decimals}}}(?![\dEeDd.])|[-+]?\d*\.\d{{{decimals}}}(?=[-+]?\d*\.)|\*+|[-+]?(?:NaN|Inf\w*)"
    )
    return [_number(word) for word in re.findall(pattern, text, re.IGNORECASE)]


def loose_numbers(text: str) -> list[float]:
    """Return the numbers of a line with any count of decimals; stars are not a number."""
    pattern = r"[-+]?\d*\.\d+(?:[EeDd][-+]?\d+)?|[-+]?\d+\.?|\*+|[-+]?(?:NaN|Inf\w*)"
    return [_number(word.replace("D", "E").replace("d", "e")) for word in re.findall(pattern, text, re.IGNORECASE)]


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def element_of(label: str) -> str:
    """Return the element of a label such as ``Fe1``, ``Li_a`` or ``CL``; ``X`` if it names none."""
    match = re.match(r"[A-Za-z]{1,2}", label.strip())
    if match is None:
        return "X"
    word = match[0].capitalize()
    return next((name for name in (word, word[0]) if name in atomic_numbers), "X")
