"""What must hold of any file, whatever happened to it.

1. A reader ends in a result or in an ``ElyteError`` of one line that names the file, within some seconds, and numpy
   warns of nothing.
2. No number that it returns is NaN or infinite; of a file in which whole frames stay as they were, each frame returned
   is one of these to the last digit, and a file that loses frames says so.
"""

import contextlib
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.errors import ElyteError
from tests.fuzz.mutations import Mutation, mutate
from tests.fuzz.readings import Frame, Reading
from tests.fuzz.seed_files import Seed

__all__ = ["N_MUTATIONS", "Violation", "assert_laws", "original_of", "place_of", "violations", "write"]

N_MUTATIONS = 200
"""Mutations of each file in the tests; ``run.py`` makes more."""

LIMIT_S = 20.0
"""Longest time that a file of some kilobytes may take [s]."""
LONGEST_LINE = 1500
"""More letters than this are not a line that anybody reads."""


@dataclass(frozen=True)
class Violation:
    """A law broken."""

    seed: str
    """The file."""
    number: int
    """Seed of the mutation."""
    mutation: str
    """What happened to the file."""
    fault: str
    """What went wrong."""

    def __str__(self) -> str:
        return f"{self.seed}, mutation {self.number} ({self.mutation}): {self.fault}"


class _TooLong(Exception):  # noqa: N818 - not an error of a reader
    pass


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """End what hangs; only the main thread of a process can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def original_of(seed: Seed, folder: Path) -> Reading:
    """Read the file as it was."""
    return seed.read(write(seed, folder, seed.content))


def violations(seed: Seed, original: Reading, folder: Path, numbers: Sequence[int]) -> Iterator[Violation]:
    """Yield the laws that a reader breaks on mutations of a file."""
    for number in numbers:
        mutation = mutate(seed.content, seed.starts, f"{seed.name} {number}", seed.kinds)
        fault = _fault(seed, mutation, original, folder)
        if fault is not None:
            yield Violation(seed.name, number, mutation.name, fault)


def assert_laws(seed: Seed, folder: Path) -> None:
    """Fail with the first laws that a reader breaks; skip where the file is not there."""
    if not seed.is_there:
        pytest.skip(f"{seed.source} is not there")
    original = original_of(seed, folder)
    assert original.frames or seed.law == "line"
    broken = list(violations(seed, original, folder, range(N_MUTATIONS)))
    assert not broken, "\n".join([f"{len(broken)} of {N_MUTATIONS} mutations break a law:", *map(str, broken[:10])])


def write(seed: Seed, folder: Path, content: bytes) -> Path:
    """Write a file and those beside it; return its path."""
    for name, more in seed.beside.items():
        (folder / name).write_bytes(more)
    path = folder / seed.file
    path.write_bytes(content)
    return path


def _fault(seed: Seed, mutation: Mutation, original: Reading, folder: Path) -> str | None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fault = _fault_of_reading(seed, mutation, original, folder)
    numeric = [one for one in caught if issubclass(one.category, RuntimeWarning)]
    if fault is None and numeric:
        return f"warning of {Path(numeric[0].filename).name}, line {numeric[0].lineno}: {numeric[0].message}"
    return fault


def _fault_of_reading(seed: Seed, mutation: Mutation, original: Reading, folder: Path) -> str | None:
    path = write(seed, folder, mutation.content)
    try:
        with _limited():
            found = seed.read(path)
    except ElyteError as error:
        return _fault_of_message(str(error), path)
    except _TooLong:
        return f"took more than {LIMIT_S:g} s"
    except Exception as error:  # noqa: BLE001 - the law is that there is none
        return f"{type(error).__name__}: {str(error)[:200]}"
    if not all(
        np.isfinite(array).all() for frame in found.frames for array in frame.values() if array.dtype.kind == "f"
    ):
        return "returns NaN or infinity"
    if not mutation.keeps or seed.law == "line":
        return None
    return _fault_of_frames(seed, mutation, original, found)


def _fault_of_message(message: str, path: Path) -> str | None:
    if "\n" in message or len(message) > LONGEST_LINE:
        return f"the message is no line: {message[:300]!r}"
    if path.name not in message:
        return f"the message does not name {path.name}: {message[:300]!r}"
    return None


def _fault_of_frames(seed: Seed, mutation: Mutation, original: Reading, found: Reading) -> str | None:
    for name, value in found.facts.items():
        if not np.array_equal(value, original.facts[name]):
            return f"{name} is {value!s}, not {original.facts[name]!s}"
    places = [place_of(frame, original.frames) for frame in found.frames]
    if None in places:
        return (
            f"frame {places.index(None)} of {len(places)} is none of the file's: {_difference(found, original, places)}"
        )
    if seed.law == "trajectory" and places != list(range(places[0], places[0] + len(places))):
        return f"frames are {places}, not one after the other"
    if seed.law == "whole" and places != [0]:
        return f"frames are {places}"
    is_whole = len(set(places)) == len(original.frames) and all(
        frame.keys() == original.frames[place].keys() for frame, place in zip(found.frames, places, strict=True)
    )
    is_untold = mutation.is_between and not seed.tells_end
    if not is_whole and not is_untold and not found.notes.strip():
        return f"frames {places} of {len(original.frames)}, nothing said"
    return None


def place_of(frame: Frame, originals: Sequence[Frame]) -> int | None:
    """Return which frame this is; labels may be left out, not changed."""
    for place, original in enumerate(originals):
        if frame.keys() <= original.keys() and all(np.array_equal(frame[name], original[name]) for name in frame):
            return place
    return None


def _difference(found: Reading, original: Reading, places: Sequence[int | None]) -> str:
    place = places.index(None)
    frame, was = found.frames[place], original.frames[min(place, len(original.frames) - 1)]
    changed = [name for name in frame if name not in was or not np.array_equal(frame[name], was[name])]
    return f"{', '.join(changed)} changed"
