"""The lines of a text file, compressed or not."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError

__all__ = ["TextStream"]

_CHUNK = 4_000_000
"""Bytes read at once."""

_ARCHIVES = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
"""First bytes of compressed files."""


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
        with path.open("rb") as handle:
            head = handle.read(6)
        self.archive = next((name for magic, name in _ARCHIVES.items() if head.startswith(magic)), "")
        """What the file is compressed by; empty where it is not."""
        self._handle = _opened(path, self.archive)
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
            except (zlib.error, lzma.LZMAError, OSError, _DamagedError) as error:
                raise InputError(
                    f"{self._path} is damaged ({error}); expected a {self.archive or 'readable'} "
                    f"{'archive' if self.archive else 'file'}; copy it anew"
                ) from error
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


class _DamagedError(Exception):
    """What a zstd archive that is damaged raises, whatever the version of the package."""


class _Zstd:
    """A zstd archive, read as ``gzip`` reads its own: the stream of the package ends silently where a file is cut."""

    def __init__(self, path: Path) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise InputError(
                f"{path} is compressed by zstd, which needs the package zstandard; expected it installed; "
                "pip install zstandard, or decompress the file"
            ) from error
        self._new = lambda: zstandard.ZstdDecompressor().decompressobj()
        self._error = zstandard.ZstdError
        self._handle = path.open("rb")
        self._frame: Any = None
        self._rest = b""

    def read1(self, size: int) -> bytes:
        while True:
            piece = self._rest or self._handle.read(max(1, min(size, 1 << 18)))
            self._rest = b""
            if not piece:
                if self._frame is not None:
                    raise EOFError
                return b""
            if self._frame is None:
                self._frame = self._new()
            try:
                text: bytes = self._frame.decompress(piece)
            except self._error as error:
                raise _DamagedError(str(error)) from error
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
            if text:
                return text

    def close(self) -> None:
        self._handle.close()


def _opened(path: Path, archive: str) -> Any:
    if archive == "zstd":
        return _Zstd(path)
    opens: dict[str, Callable[..., Any]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    return opens[archive](path, "rb") if archive else path.open("rb")
