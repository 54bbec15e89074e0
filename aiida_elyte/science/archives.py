"""Files packed by gzip, bzip2, xz or zstd, known by their first bytes and read as if they were plain."""

import bz2
import gzip
import io
import lzma
import zlib
from pathlib import Path
from typing import Any

from aiida_elyte.errors import EngineMissingError

__all__ = ["DAMAGED", "archive_of", "open_bytes"]

DAMAGED = (OSError, zlib.error, lzma.LZMAError)
"""What reading a damaged archive raises; one that was cut raises ``EOFError`` behind its last whole bytes."""

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
"""First bytes → archive."""

_PIECE = 1 << 18
"""Bytes of a zstd archive read at once."""


def archive_of(path: Path) -> str:
    """Return what a file is packed by: ``gzip``, ``bzip2``, ``xz`` or ``zstd``; empty for one that is not."""
    with path.open("rb") as handle:
        head = handle.read(6)
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")


def open_bytes(path: Path) -> io.BufferedIOBase:
    """Open a file, packed or plain.

    Raises
    ------
    InputError
        If it is packed by zstd and the package for it is missing.
    """
    archive = archive_of(path)
    if archive == "gzip":
        return gzip.open(path)
    if archive == "bzip2":
        return bz2.open(path)
    if archive == "xz":
        return lzma.open(path)
    if archive == "zstd":
        return io.BufferedReader(_Zstd(path), _PIECE)
    return path.open("rb")


class _Zstd(io.RawIOBase):
    """A zstd archive, which ends as ``gzip`` does: the stream of the package ends silently where a file is cut."""

    def __init__(self, path: Path) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise EngineMissingError(
                f"{path} is compressed by zstd, which needs the package zstandard; expected it installed; "
                "pip install zstandard, or decompress the file"
            ) from error
        self._new = lambda: zstandard.ZstdDecompressor().decompressobj()
        self._error = zstandard.ZstdError
        self._handle = path.open("rb")
        self._frame: Any = None
        self._rest = b""
        self._bytes = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._bytes:
            self._bytes = memoryview(self._next())
        size = min(len(buffer), len(self._bytes))
        buffer[:size] = self._bytes[:size]
        self._bytes = self._bytes[size:]
        return size

    def _next(self) -> bytes:
        """Return the next bytes, none at the end."""
        while True:
            piece = self._rest or self._handle.read(_PIECE)
            self._rest = b""
            if not piece:
                if self._frame is not None:
                    raise EOFError("the archive ends early")
                return b""
            if self._frame is None:
                self._frame = self._new()
            try:
                found: bytes = self._frame.decompress(piece)
            except self._error as error:
                raise OSError(str(error)) from error
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
            if found:
                return found

    def close(self) -> None:
        if "_handle" in self.__dict__:
            self._handle.close()
        super().close()
