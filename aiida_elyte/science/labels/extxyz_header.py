"""The header of a frame of extended XYZ: pairs ``key=value``, words without a value, strings in quotation marks."""

import json
import re
from typing import Any

import numpy as np

__all__ = ["TRUTH", "BrokenFrameError", "number", "parse_header"]

_PAIR = re.compile(
    r"""(?P<key>[^\s="'{}\[\]]+(?:[\[\(\{][^\s=]*[\]\)\}])?)\s*=\s*
    (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^{}]*\}|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|[^\s"]\S*|(?=\s|$))
    |(?P<word>\S+)""",
    re.VERBOSE,
)
_ITEM = re.compile(r"[^\s,]+")
_NESTED = re.compile(r"\s*\[?(?:[\s,]*\[[^\[\]]*\])+\s*\]?\s*")
_ROWS = re.compile(r"\[([^\[\]]*)\]")
_QUOTES = re.compile(r"\\.")
_ESCAPED = re.compile(r"\\(.)")
_FORTRAN = re.compile(r"(?<=[0-9.])[dD](?=[+-]?\d)")
TRUTH: dict[str, bool] = {
    "T": True,
    "F": False,
    "True": True,
    "False": False,
    "true": True,
    "false": False,
    "TRUE": True,
    "FALSE": False,
}


class BrokenFrameError(Exception):
    """A frame that cannot be read, and why."""


def parse_header(line: str) -> dict[str, Any]:
    """Return the pairs of a header; words without a value are flags, unless it is a mere comment.

    Raises
    ------
    BrokenFrameError
        If a quotation mark is not closed, a key is given twice, or stars or nan stand where a pair should.
    """
    info: dict[str, Any] = {}
    if "=" not in line:
        return info
    if _QUOTES.sub("", line).count('"') % 2:
        raise BrokenFrameError("its header has a quotation mark that is not closed")
    for match in _PAIR.finditer(line):
        key, value = match["key"], match["value"]
        if key is None:
            if match["word"].lower() == "nan" or not match["word"].strip("*"):
                raise BrokenFrameError(f"its header holds {match['word'][:20]!r} without a name")
            if match["word"].isidentifier():
                info.setdefault(match["word"], True)
            continue
        given = _value(value)
        if key in info and not _is_same(info[key], given):
            raise BrokenFrameError(f"its header gives {key} twice")
        info[key] = given
    return info


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(np.array_equal(one, other))


def _value(text: str) -> Any:
    """Return numbers, arrays of numbers, booleans, or the string itself."""
    if text[:1] in "\"'{[" and len(text) > 1:
        text = _ESCAPED.sub(r"\1", text[1:-1]) if text[0] != "[" else text.removeprefix("[").removesuffix("]")
    if text.startswith("_JSON "):
        try:
            return json.loads(text[6:])
        except ValueError:
            return text
    rows = [row.split() for row in _ROWS.findall(text.replace(",", " "))] if _NESTED.fullmatch(text) else []
    if rows:
        try:
            return np.array([[number(word) for word in row] for row in rows])
        except ValueError:
            return text
    words = _ITEM.findall(text)
    if not words or (words[0][0].isalpha() and words[0][0] not in "nNiITtFf"):
        return text
    for kind in (number,) if "." in words[0] else (int, number):
        try:
            numbers = [kind(word) for word in words]
        except ValueError:
            continue
        return numbers[0] if len(numbers) == 1 else np.array(numbers)
    if all(word in TRUTH for word in words):
        truths = [TRUTH[word] for word in words]
        return truths[0] if len(truths) == 1 else np.array(truths)
    return text


def number(word: str) -> float:
    """Return a number, of which Fortran may have written the exponent with a D.

    Raises
    ------
    ValueError
        If it is not a number.
    """
    try:
        return float(word)
    except ValueError:
        return float(_FORTRAN.sub("e", word))
