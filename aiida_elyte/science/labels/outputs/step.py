"""One geometry of an output with what was computed for it, before anybody judged whether it is a label."""

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from ase.data import atomic_numbers

from aiida_elyte.errors import InputError

__all__ = ["OUT_OF_ORDER", "VOIGT", "Lines", "Output", "Step", "element_of", "loose_numbers", "numbers", "open_bytes"]

OUT_OF_ORDER = "its iterations are out of order: lines of the file are missing or repeated"

VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])
"""Rows and columns of a stress in ASE's order xx yy zz yz xz xy."""

_CUT = (EOFError, zlib.error, lzma.LZMAError)
"""What the end of a compressed file that was cut short raises."""


@dataclass(frozen=True)
class Step:
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

    steps: list[Step]
    """Every geometry for which a calculation began, in the order of the file."""
    is_cut: bool = False
    """Whether the file lacks the end that a finished run writes."""
    notes: tuple[str, ...] = ()
    """What a user should know of the whole file."""


class Lines:
    """Lines of a text; a compressed file that was cut short ends where it was cut, and ``is_cut`` tells."""

    def __init__(self, handle: IO[bytes]) -> None:
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


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, packed by gzip, bzip2, xz or zstandard (told by its first bytes) or plain.

    Raises
    ------
    InputError
        If it is packed by zstandard, and the module of that name is not installed.
    """
    with path.open("rb") as handle:
        magic = handle.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(path))
    if magic.startswith(b"BZh"):
        return bz2.open(path)
    if magic.startswith(b"\xfd7zXZ\0"):
        return lzma.open(path)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        try:
            import zstandard
        except ModuleNotFoundError as error:
            raise InputError(
                f"{path} is packed by zstandard, which is not installed; unpack it, or `pip install zstandard`"
            ) from error
        reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
        return cast(IO[bytes], io.BufferedReader(reader))
    return path.open("rb")


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
