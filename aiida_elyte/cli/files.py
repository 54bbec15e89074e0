"""Files that a command reads, and leaves behind."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiida_elyte.api.files import named, read_yaml, write_files
from aiida_elyte.errors import Interruption

__all__ = ["named", "read_yaml", "resumable", "write_files"]


@contextmanager
def resumable(remedy: str) -> Iterator[None]:
    """Let Ctrl-C in a block tell how the command goes on."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interruption(f"Interrupted; {remedy}") from error
