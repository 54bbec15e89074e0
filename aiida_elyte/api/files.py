"""Files that a function reads, and leaves behind."""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from aiida_elyte.errors import InputError
from aiida_elyte.program import write_atomically

__all__ = ["check_outputs", "named", "read_json", "read_yaml", "write_files"]


@contextmanager
def named(what: str) -> Iterator[None]:
    """Let the errors of a block begin with what is wrong, as the name of a file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{what}: {error}") from error


def read_yaml(path: Path, what: str) -> Any:
    """Return the content of a YAML file; ``what`` it holds is named in the `InputError` if it cannot be read."""
    return _read(path, what, yaml.safe_load, "YAML")


def read_json(path: Path, what: str) -> Any:
    """Return the content of a JSON file that this package wrote; errors as of ``read_yaml``."""
    return _read(path, what, json.loads, "it whole; give another folder, or remove this file")


def _read(path: Path, what: str, parse: Callable[[str], Any], expected: str) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "problem", None) or str(error)
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f" in line {mark.line + 1}"
        raise InputError(
            f"{what} {path} cannot be read ({' '.join(reason.split())}{place}); expected {expected}"
        ) from error


def check_outputs(paths: Iterable[str | Path], inputs: Iterable[str | Path] = ()) -> None:
    """Reject files that cannot or must not be written, before what goes into them is computed.

    Parameters
    ----------
    paths
        Files to write; those that exist are replaced.
    inputs
        Files that are read.

    Raises
    ------
    InputError
        If a file is one of the inputs, is a folder or no regular file (a device, a pipe), or its place is not writable.
    """
    sources = []
    for source in inputs:
        with suppress(OSError, ValueError):  # what cannot be looked at is for its reader to judge
            sources.append(Path(source).stat())
    for path in map(Path, paths):
        found = None
        try:
            found = path.stat()
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{path} cannot be written ({reason}); expected a writable place") from error
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise InputError(f"{path} is a folder; expected a file to write; give its name")
        if _belongs_to_process(path) or not (found is None or stat.S_ISREG(found.st_mode)):
            raise InputError(f"{path} is not a regular file; expected one, which is replaced; give another path")
        if found is not None and any(os.path.samestat(found, source) for source in sources):
            raise InputError(
                f"{path} is read too; expected another file to write, as it is replaced; give another path"
            )
        place = next(folder for folder in path.absolute().parents if folder.exists())
        if not os.access(place, os.W_OK | os.X_OK):
            raise InputError(f"{path} cannot be written (Permission denied); expected a writable place")


def _belongs_to_process(path: Path) -> bool:
    """Tell whether a path is an open file of a process, as ``/dev/stdout``, which a rename would not write to."""
    place = path.parent.resolve() / path.name
    steps = [place, place.parent / place.readlink()] if place.is_symlink() else [place]
    return any(step.is_relative_to("/proc") for step in steps)


def write_files(files: Mapping[Path, str | bytes]) -> None:
    """Write files whole or not at all, each after its folder.

    Raises
    ------
    InputError
        If a place cannot be written.
    """
    check_outputs(files)
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}); expected a writable place") from error
