"""The one data block of a CIF that holds a structure, as tags and their values."""

import codecs
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gemmi import cif

from aiida_elyte.errors import InputError

__all__ = ["UNKNOWN", "Block", "Number", "parse_number", "read_block"]

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\(\d*\))?")
_FRACTION = re.compile(r"([+-]?\d+)/(\d+)")
UNKNOWN = ("?", ".", "")
"""Values that stand for none."""


@dataclass(frozen=True)
class Number:
    """A number as a CIF writes it."""

    value: float
    """The number."""
    decimals: int
    """Digits after its point; 99 of an exact fraction."""


@dataclass(frozen=True)
class Block:
    """Tags of one data block, in lower case, dots of mmCIF written as underscores."""

    name: str
    """Its name, after ``data_``."""
    values: Mapping[str, tuple[str, ...]]
    """Tag → its values: one of a pair, one a row of a loop; quotes are taken off."""

    def text(self, *tags: str) -> str | None:
        """Return the value of the first of these tags that has one; ``?`` and ``.`` are none."""
        for tag in tags:
            found = [value for value in self.values.get(tag, ()) if value not in UNKNOWN]
            if found:
                return found[0]
        return None

    def number(self, *tags: str) -> Number | None:
        """Return the number under the first of these tags that has one.

        Raises
        ------
        InputError
            If the value is not a number.
        """
        for tag in tags:
            text = self.text(tag)
            if text is None:
                continue
            number = parse_number(text)
            if number is None:
                raise InputError(f"{tag} is {text!r}; expected a number")
            return number
        return None

    def column(self, *tags: str) -> tuple[str, ...] | None:
        """Return the column of the first of these tags that the block has."""
        return next((self.values[tag] for tag in tags if tag in self.values), None)


def parse_number(text: str) -> Number | None:
    """Return a number, its uncertainty in brackets taken off; ``None`` if the text is not one."""
    match = _NUMBER.fullmatch(text.strip())
    if match and math.isfinite(float(match[1])):
        mantissa = match[1].lower().split("e")[0]
        return Number(float(match[1]), len(mantissa.partition(".")[2]))
    match = _FRACTION.fullmatch(text.strip())
    if match and int(match[2]):
        return Number(int(match[1]) / int(match[2]), 99)
    return None


def read_block(content: bytes) -> Block:
    """Return the block with a structure.

    Raises
    ------
    InputError
        If the content is not a CIF, no block or several blocks hold atoms, or a tag that matters has two values.
    """
    document = _parse(content)
    blocks = [_as_block(block) for block in document]
    found = [block for block in blocks if _has_atoms(block)]
    if not found:
        if any("_atom_site_label" in block.values for block in blocks):
            raise InputError("it holds no structure: its atoms have no _atom_site_fract_x, _y and _z; expected these")
        raise InputError("it holds no structure: it has no _atom_site_fract_x; expected a loop of sites")
    if len(found) > 1:
        names = ", ".join(f"data_{block.name}" for block in found)
        raise InputError(f"it holds {len(found)} structures ({names}); expected one; keep the one you want")
    return found[0]


def _parse(content: bytes) -> Any:
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    # Names of authors and degree signs are of any encoding; nothing that is read here needs them.
    text = re.sub(r"\r\n?", "\n", text).translate(_DASHES).replace("\xa0", " ").replace("\0", "")
    text = text.encode("ascii", "replace").decode("ascii")
    try:
        return cif.read_string(text, check_level=0)
    except (ValueError, RuntimeError) as error:
        match = re.match(r"string:(\d+):\d+\(\d+\): (.*)", str(error), re.DOTALL)
        reason = f"line {match[1]}: {match[2]}" if match else str(error)
        raise InputError(f"it cannot be read as a CIF ({' '.join(reason.split())}); expected a complete CIF") from error


def _as_block(block: Any) -> Block:
    values: dict[str, tuple[str, ...]] = {}
    for item in block:
        if item.pair is not None:
            tag, value = item.pair
            _add(values, tag, (cif.as_string(value).strip(),))
        elif item.loop is not None:
            for column, tag in enumerate(item.loop.tags):
                cells = [item.loop[row, column] for row in range(item.loop.length())]
                _add(values, tag, tuple(cif.as_string(cell).strip() if cell not in "?." else cell for cell in cells))
    return Block(block.name, values)


def _add(values: dict[str, tuple[str, ...]], tag: str, found: tuple[str, ...]) -> None:
    key = tag.lower().replace(".", "_")
    stated = values.setdefault(key, found)
    if stated != found and key.startswith(("_cell_", "_symmetry_", "_space_group_", "_atom_site_fract")):
        first, second = ("".join(value[:1]) for value in (stated, found))
        raise InputError(f"{key} has two values, {first!r} and {second!r}; expected one; keep the right one")


def _has_atoms(block: Block) -> bool:
    return any(value not in UNKNOWN for value in block.values.get("_atom_site_fract_x", ()))
