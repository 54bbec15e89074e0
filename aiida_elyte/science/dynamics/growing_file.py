"""A text file that a checkpoint can cut back."""

import hashlib
import os
from pathlib import Path

from aiida_elyte.errors import InputError

__all__ = ["GrowingFile"]


class GrowingFile:
    """A text file that grows, and is cut back to the length a checkpoint remembers.

    Parameters
    ----------
    path
        The file.
    length
        What of it to keep [B].

    Raises
    ------
    InputError
        If it is shorter than that.
    """

    def __init__(self, path: Path, length: int) -> None:
        present = path.stat().st_size if path.exists() else 0
        if present < length:
            raise InputError(
                f"{path.name} has {present} bytes, the checkpoint remembers {length}; "
                f"expected both from one run; copy {path.name} along with the checkpoint"
            )
        self._handle = path.open("ab")
        self._handle.truncate(length)
        self.path = path

    def write(self, text: str) -> None:
        """Append text."""
        self._handle.write(text.encode())

    def save(self) -> int:
        """Bring everything to disk; return the length of the file [B]."""
        self._handle.flush()
        os.fsync(self._handle.fileno())
        return self.path.stat().st_size

    def digest(self) -> str:
        """Return the SHA-256 of the whole file."""
        with self.path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
