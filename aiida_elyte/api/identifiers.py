"""Words that name a node or a file."""

import os
from pathlib import Path

__all__ = ["is_identifier", "names_file"]


def names_file(source: str | Path) -> bool:
    """Tell whether a word names a file or folder, and not a node: one that exists is a file, whatever its name."""
    return isinstance(source, Path) or os.path.exists(source) or not is_identifier(source)  # noqa: PTH110 - never fails


def is_identifier(text: str) -> bool:
    """Tell whether a word is a PK or a UUID."""
    plain = text.replace("-", "")
    return text.isdecimal() or (len(plain) == 32 and all(letter in "0123456789abcdef" for letter in plain))
