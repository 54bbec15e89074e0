"""The lines of a text file, compressed or not."""

from pathlib import Path
from types import TracebackType

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.archives import DAMAGED, archive_of, open_bytes

__all__ = ["TextStream"]

_CHUNK = 4_000_000
"""Bytes read at once."""


class TextStream:
    """The lines of a text file, compressed by gzip, bzip2, xz, zstd or not at all, in blocks of any number.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        If the file is compressed by zstd and the package for it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.archive = archive_of(path)
        """What the file is compressed by; empty where it is not."""
        self._handle = open_bytes(path)
        self._buffer = b""
        self._ends = np.array([], int)
        self._start = self._cursor = 0
        self._is_cut = False

    def __enter__(self) -> "TextStream":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._handle.close()

    def first_bytes(self, size: int) -> bytes:
        """Return the first bytes, as many as there are; to be called before all else."""
        while len(self._buffer) < size and self._fill():
            pass
        return self._buffer[:size]

    def take(self, n_lines: int) -> str:
        """Return the next lines.

        Raises
        ------
        EOFError
            If fewer whole lines are left.
        """
        while self._cursor + n_lines > len(self._ends):
            if not self._fill():
                raise EOFError
        self._cursor += n_lines
        start, self._start = self._start, int(self._ends[self._cursor - 1]) + 1
        return self._buffer[start : self._start].decode("utf-8", "replace")

    def is_at_end(self) -> bool:
        """Tell whether nothing but white space is left; an archive cut short has no such end."""
        while not (self._buffer[self._start : self._start + 99].strip() or self._buffer[self._start :].strip()):
            if not self._fill():
                return not self._is_cut
        return False

    def _fill(self) -> bool:
        rest = self._buffer[self._start :]
        more = self._read(max(_CHUNK, len(rest)))
        self._buffer, self._start, self._cursor = rest + more, 0, 0
        self._ends = np.flatnonzero(np.frombuffer(self._buffer, np.uint8) == ord("\n"))
        return bool(more)

    def _read(self, size: int) -> bytes:
        pieces: list[bytes] = []
        while size > 0 and not self._is_cut:
            try:
                piece = self._handle.read1(size)
            except EOFError:
                self._is_cut = True
                break
            except DAMAGED as error:
                raise InputError(
                    f"{self._path} is damaged ({error}); expected a {self.archive or 'readable'} "
                    f"{'archive' if self.archive else 'file'}; copy it anew"
                ) from error
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)
