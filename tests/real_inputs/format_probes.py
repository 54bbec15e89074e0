"""Ways to find out by reading what becomes of a file: whole, cut, overflowed, changed."""

import contextlib
import io
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))
from aiida_elyte.errors import ElyteError
from tests.fuzz import readings
from tests.fuzz.laws import place_of, write
from tests.fuzz.molten_salt import N_FRAMES
from tests.fuzz.readings import Reading
from tests.fuzz.seed_files import Seed

__all__ = [
    "AS_BEFORE",
    "NONE",
    "NOTED",
    "REJECTED",
    "SILENT",
    "TOLD",
    "TWICE",
    "WRONG",
    "Probe",
    "cell_of_each",
    "cells_differ",
    "changed",
    "count",
    "count_of_walk",
    "cut_at",
    "cut_before_its_end",
    "cut_within_last_frame",
    "energy_of",
    "held",
    "interval",
    "labels",
    "nan_in",
    "no_numbers_in",
    "outcome",
    "overrule",
    "repeated",
    "stars_in",
    "velocities",
    "without_cell",
]

AS_BEFORE, TOLD, NOTED, REJECTED = "read", "read, with a note", "left out", "rejected"
SILENT, WRONG, TWICE = "left out in silence", "read as another number", "read twice"
NONE = "–"
"""The format has nothing of the kind."""

Probe = Callable[[Seed, Reading, Path], str]
"""Reads a file, the reading of the whole one and a folder; returns the words for the table."""


def outcome(seed: Seed, original: Reading, folder: Path, content: bytes) -> str:
    """Return what becomes of the frames of a file that was changed."""
    try:
        found = _read(seed, folder, content)
    except ElyteError:
        return REJECTED
    places = [place_of(frame, original.frames) for frame in found.frames]
    if None in places or any(not np.array_equal(value, original.facts[name]) for name, value in found.facts.items()):
        return WRONG
    if len(places) > len(original.frames):
        return TWICE
    if len(places) < len(original.frames):
        return NOTED if found.notes.strip() else SILENT
    return AS_BEFORE if found.notes.strip() == original.notes.strip() else TOLD


def _read(seed, folder, content):
    path = write(seed, folder, content)
    with contextlib.redirect_stderr(io.StringIO()) as said:
        found = seed.read(path)
    return Reading(found.frames, found.facts, found.notes + said.getvalue())


def count(seed: Seed, original: Reading, folder: Path) -> str:
    """Compare the number of frames with what the text of the file counts."""
    expected = len(re.findall(_FRAME_MARKS[seed.name], seed.content.decode(), re.MULTILINE))
    return f"all {expected}" if len(original.frames) == expected else f"{len(original.frames)} of {expected}"


_FRAME_MARKS = {
    "vasprun.xml": "<calculation>",
    "OUTCAR": "TOTAL-FORCE",
    "pw.x md": "^!",
    "CP2K md": r"^ ENERGY\|",
    "FHI-aims md": "Self-consistency cycle converged",
    "CASTEP md": "Potential Energy:",
    "extxyz": r"^ *4$",
    "dump x": "^ITEM: TIMESTEP",
    "XDATCAR": "^Direct",
    "XDATCAR of NPT": "^Direct",
    "CP2K xyz": r"^ *4$",
    "i-PI xyz": r"^ *4$",
    "GRO": r"^ *4$",
}
"""Format → what stands once in each of its frames."""


_CUT_MARKS = {"CASTEP md": r"Forces \*+(?=[\s\S]*Forces \*+)"}
"""Format → what stands within its frames, where the mark of ``_FRAME_MARKS`` stands behind them."""


def cut_within_last_frame(seed: Seed, original: Reading, folder: Path) -> str:
    """Cut a file in the middle of its last frame."""
    pattern = _CUT_MARKS.get(seed.name, _FRAME_MARKS[seed.name])
    mark = list(re.finditer(pattern.encode(), seed.content, re.MULTILINE))[-1]
    return outcome(seed, original, folder, seed.content[: mark.end() + 40])


def stars_in(pattern: str) -> Probe:
    """Return a probe that overflows the number which a pattern has as its group, where it stands last."""
    return _replaced(pattern, lambda word: b"*" * len(word))


def nan_in(pattern: str) -> Probe:
    """Return a probe that puts NaN in place of a number."""
    return _replaced(pattern, lambda word: b"NaN".rjust(len(word)))


def no_numbers_in(patterns: Mapping[str, str]) -> dict[str, dict[str, Probe]]:
    """Return the rows of a table on numbers that are none; format → pattern of the number."""
    return {
        "overflow (`****`)": {name: stars_in(pattern) for name, pattern in patterns.items()},
        "NaN": {name: nan_in(pattern) for name, pattern in patterns.items()},
    }


def changed(pattern: str, words: bytes) -> Probe:
    """Return a probe that puts other words in place of those which a pattern has as its group, where it stands last."""
    return _replaced(pattern, lambda _: words)


def _replaced(pattern, change):
    def probe(seed, original, folder):
        match = list(re.finditer(pattern.encode(), seed.content, re.MULTILINE))[-1]
        start, end = match.span(1)
        content = seed.content[:start] + change(match[1]) + seed.content[end:]
        return outcome(seed, original, folder, content)

    return probe


def held(*changes: tuple[str, str]) -> Probe:
    """Return a probe that lets an atom be fixed, by patterns and what to put in place of all that they match."""

    def probe(seed, original, folder):
        text = seed.content.decode()
        for pattern, words in changes:
            text, count = re.subn(pattern, words, text, flags=re.MULTILINE)
            assert count
        return outcome(seed, original, folder, text.encode())

    return probe


def repeated(seed: Seed, original: Reading, folder: Path) -> str:
    """Let the third frame stand twice."""
    first, last = seed.starts[2], seed.starts[3]
    words = outcome(seed, original, folder, seed.content[:last] + seed.content[first:last] + seed.content[last:])
    return NOTED if words == TOLD else words


def energy_of(kinds: dict[str, str], factor: float = 1.0) -> Probe:
    """Return a probe that names the energy which is read; patterns find the last of each kind in the file."""

    def probe(seed, original, folder):
        energy = float(original.frames[-1]["energy"])
        for name, pattern in kinds.items():
            told = re.findall(pattern, seed.content.decode(), re.MULTILINE)[-1]
            if abs(float(told) * factor - energy) < 2e-7 * abs(energy):
                return name
        return WRONG

    return probe


def labels(seed: Seed, original: Reading, folder: Path) -> str:
    """Name the labels of the frames."""
    names = [name for name in ("energy", "forces", "stress") if all(name in frame for frame in original.frames)]
    return ", ".join(names)


def cell_of_each(pattern: str, word: bytes) -> Probe:
    """Return a probe that stretches the cell of the last frame alone, where its first number stands last."""

    def probe(seed, original, folder):
        match = list(re.finditer(pattern.encode(), seed.content, re.MULTILINE))[-1]
        start, end = match.span(1)
        try:
            found = _read(seed, folder, seed.content[:start] + word + seed.content[end:])
        except ElyteError:
            return REJECTED
        cells = [frame["cell"] for frame in found.frames]
        before = [frame["cell"] for frame in original.frames]
        is_same = [np.array_equal(one, other) for one, other in zip(cells, before, strict=True)]
        return "of each frame" if is_same == [True] * (len(before) - 1) + [False] else WRONG

    return probe


def cells_differ(seed: Seed, original: Reading, folder: Path) -> str:
    """Say whether the frames of a run at constant pressure have cells of their own."""
    cells = [frame["cell"] for frame in original.frames]
    return "of each frame" if not any(np.array_equal(cells[0], cell) for cell in cells[1:]) else "of the first frame"


def count_of_walk(seed: Seed, original: Reading, folder: Path) -> str:
    """Compare the number of frames with that of the walk which was written."""
    return f"all {N_FRAMES}" if len(original.frames) == N_FRAMES else f"{len(original.frames)} of {N_FRAMES}"


def cut_before_its_end(seed: Seed, original: Reading, folder: Path) -> str:
    """Cut the last twentieth of a file, which is within its last frame."""
    return outcome(seed, original, folder, seed.content[: -len(seed.content) // 20])


def cut_at(pattern: str) -> Probe:
    """Return a probe that cuts a file before the last three letters of what a pattern has as its group."""

    def probe(seed, original, folder):
        match = list(re.finditer(pattern.encode(), seed.content, re.MULTILINE))[-1]
        return outcome(seed, original, folder, seed.content[: match.end(1) - 3])

    return probe


def interval(seed: Seed, original: Reading, folder: Path) -> str:
    """Say where the time between frames comes from."""
    given = seed.options.get("timestep_fs")
    if given is None:
        return "from the file"
    steps = float(original.facts["interval"]) / given
    return "`--timestep-fs` between frames" if steps == 1 else f"`--timestep-fs` × MD steps (here {steps:g})"


def overrule(seed: Seed, original: Reading, folder: Path) -> str:
    """Give another time between frames than the file tells."""
    if "timestep_fs" in seed.options:
        return NONE
    told = float(original.facts["interval"])
    try:
        found = readings.trajectory_of(**{**seed.options, "timestep_fs": 1.5 * told})(write(seed, folder, seed.content))
    except ElyteError:
        return REJECTED
    steps = float(found.facts["interval"]) / (1.5 * told)
    if "timestep" not in found.warnings:
        return SILENT
    return "overrules, with a warning" if steps == 1 else f"the same × MD steps (here {steps:g})"


def velocities(seed: Seed, original: Reading, folder: Path) -> str:
    """Say whether the frames have velocities."""
    return "read" if all("velocities" in frame for frame in original.frames) else NONE


def without_cell(seed: Seed, original: Reading, folder: Path) -> str:
    """Say whether frames have cells of their own."""
    options = {name: value for name, value in seed.options.items() if name != "cell_A"}
    try:
        found = readings.trajectory_of(**options)(write(seed, folder, seed.content))
    except ElyteError:
        return "`--cell`, `--topology`"
    return "of the file" if all("cell" in frame for frame in found.frames) else WRONG
