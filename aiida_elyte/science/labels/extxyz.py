"""Extended XYZ, read frame by frame so that one broken frame does not hide the others.

A file is a series of frames: the number of atoms, a header of ``key=value`` pairs, a row for each atom. Keys
``Lattice``, ``Properties`` and ``pbc`` are known in any case, since GPUMD writes them in lower case. ``move_mask``
stays a column: constraints of the run that wrote a file are not part of its labels.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from aiida_elyte.science.labels.extxyz_header import TRUTH, BrokenFrameError, number, parse_header
from aiida_elyte.science.labels.raw import LeftOut, RawFrame

__all__ = ["read_extxyz"]

_PLAIN = "species:S:1:pos:R:3"
_BARE = {"lattice", "properties", "pbc"}
_MIN_VOLUME = 1e-3


@dataclass(frozen=True)
class _Column:
    name: str
    kind: str
    begin: int
    end: int


def read_extxyz(text: str) -> tuple[list[RawFrame], list[LeftOut], list[str]]:
    """Read every whole frame.

    Parameters
    ----------
    text
        Content of the file.

    Returns
    -------
    tuple
        The frames; those left out with their reason; sentences on parts of the file that hold no frame and on columns
        that ``Properties`` does not declare.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    is_ended = not lines[-1].strip(" \r\t")
    while lines and not lines[-1].strip():
        lines.pop()
    frames: list[RawFrame] = []
    left_out: list[LeftOut] = []
    notes: list[str] = []
    spans: dict[int, tuple[int, int]] = {}
    place = index = 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        count = _count(lines[place])
        if count is None:
            resumed = _next_start(lines, place, len(lines))
            if frames and frames[-1].index == index - 1 and _is_row(lines[place]):
                n_atoms = len(frames.pop().atoms)
                left_out.append(LeftOut(index - 1, f"more rows follow than the {n_atoms} atoms that it counts"))
            else:
                notes.append(_stray(lines, place, resumed))
            place = len(lines) if resumed is None else resumed
            continue
        end = place + 2 + count
        try:
            if end > len(lines):
                n_rows = max(0, len(lines) - place - 2)
                raise BrokenFrameError(f"the file ends within it, {n_rows} rows after a count of {count} atoms")
            if end == len(lines) and not is_ended:
                _check_last_row(lines[place + 2 : end])
            vectors = _vectors(lines[end : end + 3])
            frames.append(_parse(index, lines[place + 1], lines[place + 2 : end], vectors, notes))
            spans[index] = (place + 1, end)
            end += len(vectors)
        except BrokenFrameError as error:
            reason = str(error)
            inner = _next_start(lines, place + 1, min(end, len(lines)))
            if inner is not None:
                end = inner
                reason = f"{max(0, inner - place - 2)} rows follow where it counts {count} atoms"
            left_out.append(LeftOut(index, reason))
        place, index = end, index + 1
    spliced = _find_splices(lines, {frame.index: spans[frame.index] for frame in frames if frame.columns})
    frames = [frame for frame in frames if frame.index not in spliced]
    left_out += [
        LeftOut(number, "its rows are parts of other frames: lines of the file are repeated") for number in spliced
    ]
    return frames, left_out, list(dict.fromkeys(notes))


def _find_splices(lines: Sequence[str], spans: dict[int, tuple[int, int]]) -> set[int]:
    """Return frames made of the header of one frame and rows of others, as where a block of lines is repeated.

    Such a frame is equal to no other, though its header and each of its rows are found elsewhere. With labels among
    the values no frame that was computed is like that.
    """
    headers = Counter(lines[begin] for begin, _ in spans.values())
    if len(headers) == len(spans):
        return set()
    rows = Counter(line for begin, end in spans.values() for line in set(lines[begin + 1 : end]))
    whole = Counter(tuple(lines[begin:end]) for begin, end in spans.values())
    return {
        number
        for number, (begin, end) in spans.items()
        if end - begin > 2
        and headers[lines[begin]] > 1
        and whole[tuple(lines[begin:end])] == 1
        and all(rows[line] > 1 for line in lines[begin + 1 : end])
    }


def _count(line: str) -> int | None:
    word = line.strip()
    return int(word) if word.isascii() and word.isdigit() else None


def _next_start(lines: Sequence[str], begin: int, end: int) -> int | None:
    """Return the place of the next count of atoms that a header follows, the only sign of a frame that is sure."""
    for place in range(begin, end):
        line = lines[place]
        if len(line) < 12 and _count(line) is not None and place + 1 < len(lines) and "=" in lines[place + 1]:
            return place
    return None


def _is_row(line: str) -> bool:
    words = line.split()
    return len(words) >= 4 and words[0].capitalize() in _ELEMENTS


def _stray(lines: Sequence[str], place: int, resumed: int | None) -> str:
    what = f"line {place + 1} is {lines[place].strip()[:40]!r} where a number of atoms is expected"
    if resumed is None:
        return f"{what}; nothing from there on is read"
    return f"{what}; lines up to {resumed} are not read"


def _vectors(lines: Sequence[str]) -> list[str]:
    """Return the lines VEC1 … of cell vectors that follow the atoms, as programs of SCM write them."""
    return list(takewhile(lambda line: line.lstrip().startswith("VEC"), lines))


def _check_last_row(rows: Sequence[str]) -> None:
    """Reject a frame whose last number may have lost digits, as in a file that was cut within it.

    Only where the last value of every row has as many decimals is the last one known to be whole.
    """
    last = {_decimals(row.split()[-1]) if row.split() else None for row in rows}
    if None in last or len(last) > 1 or len(rows) < 2:
        raise BrokenFrameError("the file ends without a line break within its last value, which may have lost digits")


def _decimals(word: str) -> tuple[int, str] | None:
    mantissa, _, exponent = word.lower().partition("e")
    point = mantissa.rfind(".")
    if point < 0:
        return (0, "") if word in ("T", "F") else None
    return len(mantissa) - point, str(len(exponent))


def _parse(index: int, header: str, rows: Sequence[str], vectors: Sequence[str], notes: list[str]) -> RawFrame:
    if not rows:
        raise BrokenFrameError("it has no atoms")
    info = parse_header(header)
    known = {key.lower(): info.pop(key) for key in list(info) if key.lower() in _BARE}
    if vectors:
        known = {**known, **_cell_of_vectors(vectors)}
    columns, width = _layout(str(known.get("properties", _PLAIN)))
    table = _table(rows, columns, width, is_declared="properties" in known or not info, notes=notes)
    if len(set(rows)) < len(rows):
        atom = next(place for place, row in enumerate(rows) if row in rows[:place])
        raise BrokenFrameError(f"the row of atom {atom} is that of another atom too")
    arrays = {column.name: _values(column, table) for column in columns}
    numbers, positions = _numbers(arrays), arrays.pop("pos", arrays.pop("positions", None))
    if positions is None or positions.shape != (len(rows), 3) or positions.dtype.kind != "f":
        raise BrokenFrameError("its Properties declare no pos:R:3")
    if not np.isfinite(positions).all():
        atom = int(np.flatnonzero(~np.isfinite(positions).all(1))[0])
        raise BrokenFrameError(f"the position of atom {atom} is {' '.join(map(str, positions[atom]))}")
    cell, pbc = _cell(known)
    return RawFrame(index, Atoms(numbers, positions, cell=cell, pbc=pbc), info, arrays)


def _table(
    rows: Sequence[str], columns: Sequence[_Column], width: int, is_declared: bool, notes: list[str]
) -> Sequence[Sequence[str]]:
    """Return the words of each column."""
    words = " ".join(rows).split()
    symbols = next((column.begin for column in columns if column.name in ("species", "symbols")), None)
    # Rows of unequal length that have the right number of words together put numbers among the symbols.
    if len(words) == width * len(rows) and symbols is not None and _SYMBOLS.issuperset(words[symbols::width]):
        return [words[column::width] for column in range(width)]
    split = [row.split() for row in rows]
    widths = set(map(len, split))
    if widths != {width}:
        if len(widths) > 1 or min(widths) < width:
            row = next(place for place, one in enumerate(split) if len(one) != width)
            raise BrokenFrameError(f"the row of atom {row} holds {len(split[row])} values, not {width}")
        if not is_declared:
            raise BrokenFrameError(f"its header declares no Properties of its {min(widths)} columns")
        notes.append(f"{min(widths) - width} columns after those that Properties declares are not read")
    return list(zip(*split, strict=True))


def _cell_of_vectors(lines: Sequence[str]) -> dict[str, Any]:
    cell = np.zeros((3, 3))
    for place, line in enumerate(lines):
        words = line.split()
        try:
            cell[place] = [float(word) for word in words[1:]]
        except ValueError as error:
            raise BrokenFrameError(f"its cell vector is {line.strip()!r}, not three numbers") from error
        if words[0] != f"VEC{place + 1}":
            raise BrokenFrameError(f"its cell vector {place + 1} is called {words[0]}")
    return {"lattice": cell.ravel(), "pbc": np.arange(3) < len(lines)}


@lru_cache(maxsize=256)
def _layout(properties: str) -> tuple[tuple[_Column, ...], int]:
    fields = properties.split(":")
    if len(fields) % 3 or len(fields) < 3:
        raise BrokenFrameError(f"its Properties are {properties[:60]!r}, not triples NAME:TYPE:COLUMNS")
    columns, begin = [], 0
    for name, kind, width in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        if kind.upper() not in ("S", "R", "I", "L") or not width.isdigit() or not int(width):
            raise BrokenFrameError(f"its Properties declare {name}:{kind}:{width}; types are S, R, I and L")
        plain = name.lower() if name.lower() in ("species", "pos", "positions", "z", "symbols") else name
        columns.append(_Column(plain, kind.upper(), begin, begin + int(width)))
        begin += int(width)
    if len({column.name for column in columns}) < len(columns):
        raise BrokenFrameError("its Properties declare one name twice")
    return tuple(columns), begin


def _values(column: _Column, table: Sequence[Sequence[str]]) -> np.ndarray:
    parts = []
    for words in table[column.begin : column.end]:
        try:
            parts.append(_convert(words, column.kind))
        except (ValueError, KeyError, OverflowError) as error:
            atom = next(place for place, word in enumerate(words) if not _is_of(word, column.kind))
            raise BrokenFrameError(f"the {column.name} of atom {atom} is {words[atom]!r}") from error
    return parts[0] if len(parts) == 1 else np.stack(parts, axis=1)


def _convert(words: Sequence[str], kind: str) -> np.ndarray:
    if kind == "R":
        try:
            return np.array(list(map(float, words)))
        except ValueError:
            return np.array(list(map(number, words)))
    if kind == "I":
        return np.array(list(map(int, words)))
    if kind == "L":
        return np.array([TRUTH[word] if word in TRUTH else bool(("0", "1").index(word)) for word in words])
    return np.array(words, dtype=object)


def _is_of(word: str, kind: str) -> bool:
    try:
        _convert([word], kind)
    except (ValueError, KeyError, OverflowError):
        return False
    return True


def _numbers(arrays: dict[str, np.ndarray]) -> np.ndarray:
    species = arrays.pop("species", arrays.pop("symbols", None))
    given = arrays.pop("z", None)
    if species is None:
        if given is None or given.dtype.kind != "i" or given.ndim > 1 or not ((given > 0) & (given < 119)).all():
            raise BrokenFrameError("its Properties declare no species:S:1")
        return given
    if species.ndim > 1:
        raise BrokenFrameError("its Properties declare more than one column of species")
    try:
        return np.array([_ELEMENTS[word] for word in species])
    except KeyError:
        pass
    distinct = set(map(str, species))
    if len(distinct) > 1 and distinct == {str(kind + 1) for kind in range(len(distinct))}:
        raise BrokenFrameError(f"its species are the numbers 1 to {len(distinct)}, types of no known element")
    numbers = [atomic_numbers.get(str(word).capitalize()) or _ELEMENTS.get(_ofnumber(str(word))) for word in species]
    if None in numbers:
        raise BrokenFrameError(
            f"atom {numbers.index(None)} is {species[numbers.index(None)]!r}, which is not an element"
        )
    return np.array(numbers)


_ELEMENTS = {symbol: number for symbol, number in atomic_numbers.items() if number > 0}
_SYMBOLS = frozenset(_ELEMENTS)
_BY_NUMBER = {str(number): symbol for symbol, number in _ELEMENTS.items()}


def _ofnumber(word: str) -> str:
    return _BY_NUMBER.get(word, "")


def _cell(known: dict[str, Any]) -> tuple[np.ndarray | None, np.ndarray | bool]:
    """Return the vectors of the cell in rows and the periodicity, which is that of a crystal where not stated."""
    pbc = known.get("pbc")
    if pbc is not None:
        given = np.atleast_1d(np.asarray(pbc))
        if given.dtype.kind not in "bi" or given.shape not in ((1,), (3,)) or not ((given == 0) | (given == 1)).all():
            raise BrokenFrameError(f"its pbc are {pbc!r}, not three of T and F")
        pbc = np.broadcast_to(given.astype(bool), 3)
    if "lattice" not in known:
        if pbc is not None and pbc.any():
            raise BrokenFrameError("it is periodic by its pbc and has no Lattice")
        return None, False
    cell = np.asarray(known["lattice"])
    if cell.dtype.kind not in "fi" or cell.shape != (9,) or not np.isfinite(cell).all():
        raise BrokenFrameError(f"its Lattice is {known['lattice']!s}, not nine numbers")
    cell = cell.reshape(3, 3).astype(float)
    if not cell.any() and pbc is None:
        return None, False
    pbc = np.ones(3, bool) if pbc is None else pbc
    if pbc.all() and abs(np.linalg.det(cell)) < _MIN_VOLUME:
        raise BrokenFrameError(f"its Lattice is {known['lattice']!s}, without a volume")
    if not all(np.linalg.norm(vector) > 0 for vector in cell[pbc]):
        raise BrokenFrameError("its Lattice has a vector of no length in a direction that is periodic")
    return cell, pbc
