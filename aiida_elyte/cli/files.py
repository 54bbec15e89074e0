"""Files that a command leaves behind."""

from collections.abc import Mapping
from pathlib import Path

from aiida_elyte.errors import InputError
from aiida_elyte.program import write_atomically

__all__ = ["write_files"]


def write_files(files: Mapping[Path, str | bytes]) -> None:
    """Write files whole or not at all, each after its folder.

    Raises
    ------
    InputError
        When a place cannot be written.
    """
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}); expected a writable place") from error
