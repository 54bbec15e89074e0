"""What happens to files on their way: cut, overflowed, repeated, pasted, re-encoded.

A mutation that *keeps* leaves whole frames of the file intact: whatever a reader returns of these must be as before.
The others may turn one valid number into another, which no reader can notice: they end in a result or in one line.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["MUTATIONS", "Mutation", "mutate"]

_NUMBER = re.compile(rb"(?<![^\s])[-+]?\d+\.\d*(?:[eEdD][-+]?\d+)?(?![^\s])")
"""A real number between blanks."""
_WORD = re.compile(rb"(?<![^\s])[-+]?\d[\d.eEdD+-]*(?![^\s])")
"""A number between blanks, whole or not."""
_TAGGED = re.compile(rb"(?<=[>=\"])[-+]?\d+\.?\d*(?:[eEdD][-+]?\d+)?(?=[<\s\"])")
"""A number behind a tag, a quote or an equals sign, as in XML and in the comment of extended XYZ."""
_PAIR = re.compile(rb"(\d\.\d+)[ \t]+(?=-\d+\.\d)")
"""A number, the blanks behind it, and a negative number after them."""


@dataclass(frozen=True)
class Mutation:
    """A file after something happened to it."""

    name: str
    """What happened."""
    content: bytes
    """The bytes now."""
    keeps: bool
    """Whether whole frames must come out as they were, or not at all."""
    is_between: bool = False
    """Whether the file now ends exactly where a frame ends, so that nothing in it tells of more."""


@dataclass(frozen=True)
class _File:
    content: bytes
    starts: tuple[int, ...]
    """Where self-contained frames begin; empty where a format has none."""


def mutate(content: bytes, starts: tuple[int, ...], seed: str, kinds: Sequence[str] | None = None) -> Mutation:
    """Return what one of the mutations, chosen and drawn by a seed, makes of a file.

    Parameters
    ----------
    content
        The file.
    starts
        Where its frames begin; empty where it has none that stand for themselves.
    seed
        Seed of what is drawn.
    kinds
        Names of the mutations to choose from; all if ``None``.
    """
    rng = random.Random(seed)
    known = _File(content, starts)
    names = [name for name in kinds or MUTATIONS if name not in _NEED_FRAMES or len(starts) > 1]
    weights = [_WEIGHTS.get(name, 1.0) for name in names]
    return MUTATIONS[rng.choices(names, weights)[0]](known, rng)


def _cut(file: _File, rng: random.Random) -> Mutation:
    end = rng.randrange(1, len(file.content))
    return _cut_at(file, end, "cut")


def _cut_at(file: _File, end: int, name: str) -> Mutation:
    rest = file.content[end:]
    later = [start for start in file.starts if start >= end]
    earlier = [start for start in file.starts if start < end]
    # blanks at the head of a frame, as before the number of atoms, tell nothing of it
    is_between = (
        not rest.strip()
        or any(not file.content[end:start].strip() for start in later[:1])
        or any(not file.content[start:end].strip() for start in earlier[-1:])
    )
    return Mutation(f"{name} at byte {end}", file.content[:end], True, is_between)


def _cut_line(file: _File, rng: random.Random) -> Mutation:
    ends = [match.end() for match in re.finditer(rb"\n", file.content)]
    return _cut_at(file, rng.choice(ends[:-1] or [len(file.content)]), "cut behind a line")


def _stars(file: _File, rng: random.Random) -> Mutation:
    return _replace_number(file, rng, "stars", lambda word: b"*" * max(len(word), 3), True)


def _nan(file: _File, rng: random.Random) -> Mutation:
    word = rng.choice([b"NaN", b"nan", b"-nan", b"inf", b"-Infinity", b"Infinity"])
    return _replace_number(file, rng, word.decode(), lambda old: word.rjust(len(old)), True)


def _huge(file: _File, rng: random.Random) -> Mutation:
    power = rng.choice([b"E+300", b"E+999", b"E-300", b"e99", b"D+03", b"0" * 40])
    return _replace_number(file, rng, f"exponent {power.decode()}", lambda old: old + power, False)


def _replace_number(
    file: _File, rng: random.Random, name: str, change: Callable[[bytes], bytes], keeps: bool
) -> Mutation:
    kind = rng.choices([_NUMBER, _WORD, _TAGGED], [6, 2, 2])[0]
    found = list(kind.finditer(file.content)) or list(_WORD.finditer(file.content))
    if not found:  # a packed file has none
        return _junk(file, rng)
    match = rng.choice(found)
    before, after = file.content[: match.start()], file.content[match.end() :]
    line = 1 + before.count(b"\n")
    return Mutation(f"{name} for {match[0].decode()} in line {line}", before + change(match[0]) + after, keeps)


def _repeat_frames(file: _File, rng: random.Random) -> Mutation:
    bounds = [*file.starts, len(file.content)]
    first = rng.randrange(len(file.starts))
    last = rng.randrange(first, len(file.starts)) + 1
    block = file.content[bounds[first] : bounds[last]]
    content = file.content[: bounds[last]] + block + file.content[bounds[last] :]
    return Mutation(f"frames {first} to {last - 1} stand twice", content, True)


def _restarted(file: _File, rng: random.Random) -> Mutation:
    end = rng.randrange(1, len(file.content))
    # without an end of line between: nothing in the text shows a cut within a number
    # a first letter that makes a valid number of one that was cut can be noticed by nobody either
    is_glued = file.content[:1].isdigit() and file.content[end - 1 : end] in b"0123456789.-"
    content = file.content[:end] + file.content
    return Mutation(f"the file up to byte {end}, then the whole file", content, not is_glued)


def _twice(file: _File, _: random.Random) -> Mutation:
    return Mutation("the file twice", file.content + file.content, True)


def _carriage_returns(file: _File, _: random.Random) -> Mutation:
    return Mutation("lines end in CR LF", file.content.replace(b"\n", b"\r\n"), True)


def _touch(file: _File, rng: random.Random) -> Mutation:
    found = list(_PAIR.finditer(file.content))
    if not found:
        return _carriage_returns(file, rng)
    match = rng.choice(found)
    line = 1 + file.content[: match.start()].count(b"\n")
    content = file.content[: match.end(1)] + file.content[match.end() :]
    return Mutation(f"numbers touch in line {line}", content, True)


def _lines(file: _File) -> list[bytes]:
    return file.content.splitlines(keepends=True)


def _swap_lines(file: _File, rng: random.Random) -> Mutation:
    lines = _lines(file)
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return Mutation(f"lines {one + 1} and {two + 1} are swapped", b"".join(lines), False)


def _delete_lines(file: _File, rng: random.Random) -> Mutation:
    lines = _lines(file)
    first, count = rng.randrange(len(lines)), rng.choice([1, 1, 2, 5, 20])
    return Mutation(
        f"lines {first + 1} to {first + count} are gone", b"".join(lines[:first] + lines[first + count :]), False
    )


def _double_lines(file: _File, rng: random.Random) -> Mutation:
    lines = _lines(file)
    first, count = rng.randrange(len(lines)), rng.choice([1, 1, 2, 5, 20])
    block = lines[first : first + count]
    content = b"".join(lines[: first + count] + block + lines[first + count :])
    return Mutation(f"lines {first + 1} to {first + count} stand twice", content, False)


def _shorten_line(file: _File, rng: random.Random) -> Mutation:
    lines = _lines(file)
    place = rng.randrange(len(lines))
    lines[place] = lines[place][: rng.randrange(len(lines[place]))] + b"\n"
    return Mutation(f"line {place + 1} is shortened", b"".join(lines), False)


def _junk(file: _File, rng: random.Random) -> Mutation:
    content = bytearray(file.content)
    for _ in range(rng.choice([1, 1, 3, 30])):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return Mutation("random bytes", bytes(content), False)


def _insert(file: _File, rng: random.Random) -> Mutation:
    piece = rng.choice(
        [b"\x00" * 16, b"\xff\xfe", b"\xc3\xa9", b"\xe2\x88\x92", b"\t", b"#", b"'", b'"', b"<", b"\n\n", b"\x1a"]
    )
    place = rng.randrange(len(file.content))
    return Mutation(f"{piece!r} at byte {place}", file.content[:place] + piece + file.content[place:], False)


def _re_encode(file: _File, rng: random.Random) -> Mutation:
    text = file.content.decode("utf-8", "replace")
    encoding = rng.choice(["utf-16", "utf-8-sig", "utf-16-le"])
    return Mutation(f"written in {encoding}", text.encode(encoding), False)


def _head_of_another(file: _File, rng: random.Random) -> Mutation:
    place = rng.randrange(len(file.content))
    return Mutation(f"from byte {place} on", file.content[place:], False)


MUTATIONS: dict[str, Callable[[_File, random.Random], Mutation]] = {
    "cut": _cut,
    "cut line": _cut_line,
    "stars": _stars,
    "nan": _nan,
    "repeat frames": _repeat_frames,
    "carriage returns": _carriage_returns,
    "touch": _touch,
    "restarted": _restarted,
    "twice": _twice,
    "huge": _huge,
    "swap lines": _swap_lines,
    "delete lines": _delete_lines,
    "double lines": _double_lines,
    "shorten line": _shorten_line,
    "junk": _junk,
    "insert": _insert,
    "re-encode": _re_encode,
    "headless": _head_of_another,
}
"""Name → what it makes of a file."""

_NEED_FRAMES = ("repeat frames",)

_WEIGHTS = {**dict.fromkeys(("cut", "stars", "nan", "repeat frames"), 3.0), "twice": 0.2, "carriage returns": 0.2}
"""How often each is drawn: often where the laws are strictest, seldom where it always makes the same file."""
