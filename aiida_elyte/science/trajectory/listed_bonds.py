"""How many bonds a topology says it has, and how many it lists: a file that was cut lists fewer."""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

__all__ = ["missing_bonds"]

_TOLD = {"data": re.compile(r"\s*(\d+)\s+bonds\s*(?:#|$)"), ".psf": re.compile(r"\s*(\d+)\s+!NBOND")}


def missing_bonds(path: Path, kind: str) -> str | None:
    """Return that bonds of LAMMPS data or a PSF are missing; ``None`` where all are there that the file tells of.

    A line without an end does not count: more sections follow the bonds of a PSF, and LAMMPS data end with a line feed,
    so that a last number without one may have lost digits.

    Parameters
    ----------
    path
        The file.
    kind
        ``data`` for LAMMPS data, else the suffix of the file.
    """
    pattern = _TOLD.get(kind)
    if pattern is None:
        return None
    with path.open(encoding="utf-8", errors="replace") as handle:
        lines = takewhile(lambda line: line.endswith("\n"), handle)
        told = next((int(match[1]) for line in lines if (match := pattern.match(line))), None)
        if told is None:
            return "has no section !NBOND" if kind == ".psf" else None
        listed = _listed_in_psf(lines) if kind == ".psf" else _listed_in_data(lines)
    if listed >= told:
        return None
    return f"says that it has {told} bonds, and lists {listed} in lines that end with a line feed"


def _listed_in_psf(lines: Iterator[str]) -> int:
    words = 0
    for line in lines:
        if "!" in line:
            break
        words += len(line.split())
    return words // 2


def _listed_in_data(lines: Iterator[str]) -> int:
    rows = 0
    is_inside = False
    for line in lines:
        words = line.partition("#")[0].split()
        if words and words[0].isalpha():
            is_inside = words == ["Bonds"]
        elif is_inside and len(words) >= 4:
            rows += 1
    return rows
