"""Files that a function reads, and leaves behind."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from aiida_elyte.errors import InputError
from aiida_elyte.program import write_atomically

__all__ = ["named", "read_yaml", "write_files"]


@contextmanager
def named(what: str) -> Iterator[None]:
    """Let the errors of a block begin with what is wrong, as the name of a file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{what}: {error}") from error


def read_yaml(path: Path, what: str) -> Any:
    """Return the content of a YAML file; ``what`` it holds is named in the error.

    Raises
    ------
    InputError
        If it is missing or not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "problem", None) or str(error)
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f" in line {mark.line + 1}"
        raise InputError(f"{what} {path} cannot be read ({' '.join(reason.split())}{place}); expected YAML") from error


def write_files(files: Mapping[Path, str | bytes]) -> None:
    """Write files whole or not at all, each after its folder.

    Raises
    ------
    InputError
        If a place cannot be written.
    """
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}); expected a writable place") from error
