"""What Ctrl-C leaves behind."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiida_elyte.errors import Interruption

__all__ = ["resumable"]


@contextmanager
def resumable(remedy: str) -> Iterator[None]:
    """Let Ctrl-C in a block tell how the command goes on."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interruption(f"Interrupted; {remedy}") from error
