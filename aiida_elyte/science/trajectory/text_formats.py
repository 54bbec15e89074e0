"""Trajectories written as text: what their formats have in common.

Frames are read one after the other. MDAnalysis' LAMMPS reader is not used: it reads row by row, in float32, scans the
file for its length first, knows no ``element`` column and fails at a last frame that is cut short. ASE's XDATCAR reader
holds the whole file; its extxyz reader converts word by word. Tables are parsed here by ``numpy.loadtxt`` (in C).
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.elements import elements_of_labels
from aiida_elyte.science.trajectory.snapshot import Snapshot, defect_of
from aiida_elyte.science.trajectory.text_stream import TextStream

__all__ = ["ElementColumn", "EndOfFramesError", "ResidueColumns", "TextFormat", "read_table", "read_text"]


class EndOfFramesError(Exception):
    """Raised by a format where what is left of a file belongs to no frame, as the records that end a PDB file."""


class TextFormat(ABC):
    """Knows the lines of one format; keeps what goes from the head of a frame, or from frame to frame."""

    name: str
    """What a frame is called in an error."""

    @abstractmethod
    def head(self, text: TextStream) -> int:
        """Read the lines ahead of a frame's table; return its number of atoms."""

    def rows(self, text: TextStream, n_atoms: int) -> list[str]:
        """Return the table, and what stands behind it."""
        return text.take(n_atoms).split("\n")[:n_atoms]

    @abstractmethod
    def snapshot(self, rows: list[str]) -> Snapshot:
        """Return the frame whose head was read last."""


def read_text(
    format_of: Callable[[list[str]], TextFormat], path: Path, start: int, stride: int, notes: list[str]
) -> Iterator[Snapshot]:
    """Yield the frames of a text file; the first is parsed always, as the one that others are compared with.

    A frame that is cut short, or cannot be read, is left out with a note where it is the last; elsewhere the file is
    rejected, as the times of the frames behind it would not be even.

    Raises
    ------
    InputError
        If a frame ahead of the last is not of the format, or the first is not.
    """
    known = format_of(notes)
    n_first = 0
    with TextStream(path) as text:
        for index in itertools.count():
            if text.is_at_end():
                return
            is_wanted = index >= start and (index - start) % stride == 0
            rows: list[str] = []
            try:
                n_atoms = known.head(text)
                if n_atoms < 1:
                    raise InputError("has no atoms; expected at least one; cut the file before it")
                n_first = n_first or n_atoms
                if n_atoms != n_first:
                    raise InputError(
                        f"has {n_atoms} atoms; expected the {n_first} of the first frame; keep all atoms in every frame"
                    )
                rows = known.rows(text, n_atoms)
                snapshot = known.snapshot(rows) if is_wanted or index == 0 else None
            except EndOfFramesError:
                return
            except EOFError:
                notes.append(f"{path.name} ends within frame {index}, which is left out")
                return
            except InputError as error:
                raise InputError(f"frame {index} of {path} {error}") from error
            except (ValueError, ArithmeticError, LookupError) as error:
                reason = _reason(error, rows)
                if index > 0 and rows and text.is_at_end():
                    notes.append(f"the last frame of {path.name}, {index}, {reason}; it is left out")
                    return
                raise InputError(
                    f"frame {index} of {path} cannot be read ({reason}); expected {known.name}; cut the file before it"
                ) from error
            if is_wanted and snapshot is not None:
                if index > 0 and (defect := defect_of(snapshot)) and text.is_at_end():
                    notes.append(f"the last frame of {path.name}, {index}, {defect}; it is left out")
                    return
                yield snapshot


def _reason(error: Exception, rows: Sequence[str]) -> str:
    """Return why a table cannot be read, in one line."""
    if any("**" in row for row in rows):
        return "holds ****, a number too wide for its columns"
    return " ".join(str(error).split()) or type(error).__name__


def read_table(
    rows: Sequence[str], columns: Sequence[tuple[str, Any, list[int]]], n_rows: int, n_columns: int = 0
) -> np.ndarray:
    """Return fields of a table, each as name, type and its columns, as a structured array.

    Parameters
    ----------
    rows
        The rows.
    columns
        Name, type and places of each field.
    n_rows
        How many rows there are.
    n_columns
        How many columns there are; where numbers touch in one that is not asked for, there are fewer. Left out, those
        asked for count.

    Raises
    ------
    ValueError
        If there are other rows or fewer columns than expected, or one cannot be read.
    """
    dtype = [(name, kind, len(places)) if len(places) > 1 else (name, kind) for name, kind, places in columns]
    usecols = [place for _, _, places in columns for place in places]
    if n_columns > 1 + max(usecols):
        dtype.append(("last", "U1"))
        usecols.append(n_columns - 1)
    table = np.loadtxt(rows, dtype=np.dtype(dtype), usecols=usecols, comments=None, ndmin=1)
    if len(table) != n_rows:
        raise ValueError(f"{len(table)} rows of {n_rows}")
    return table


class ElementColumn:
    """Elements from a column of labels in any case; what a label stands for is looked up once.

    Parameters
    ----------
    given
        Label → element, before what the label says.
    """

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._given = dict(given or {})
        self._labels = self._symbols = np.array([], str)

    def __call__(self, labels: np.ndarray) -> np.ndarray:
        """Return the chemical symbol of each atom, or its label where that names no element."""
        if not np.array_equal(labels, self._labels):
            known = elements_of_labels(np.unique(labels).tolist(), self._given)
            self._labels = labels.copy()
            self._symbols = np.array([known[label] for label in labels.tolist()])
        return self._symbols


class ResidueColumns:
    """Elements of atoms named as in residues; what names stand for is looked up once.

    Parameters
    ----------
    notes
        Takes what is to be said of the first frame's elements.
    """

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._names: list[str] = []
        self._symbols: np.ndarray | None = None

    def __call__(self, names: list[str], find: Callable[[], tuple[Sequence[str] | None, str]]) -> np.ndarray | None:
        """Return the chemical symbol of each atom, ``None`` where names do not tell them.

        Parameters
        ----------
        names
            What a frame calls its atoms.
        find
            Returns the symbols that go with the names, and what is to be said of them.
        """
        if names != self._names:
            symbols, said = find()
            if said and not self._names:
                self._notes.append(said)
            self._names = names
            self._symbols = None if symbols is None else np.array(symbols)
        return self._symbols
