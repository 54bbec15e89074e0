"""Numbers of Fortran and C that fill their columns, so that no space parts them: ``0.45046370-0.35584039``."""

import re
from collections.abc import Sequence

import numpy as np

__all__ = ["slice_numbers", "split_touching"]


def split_touching(row: str, n_numbers: int) -> list[str]:
    """Return the numbers at the end of a row whose numbers all have the decimals of the last.

    Parameters
    ----------
    row
        The row, which ends with its last number.
    n_numbers
        How many there are.

    Raises
    ------
    ValueError
        If the row does not consist of so many such numbers.
    """
    text = row.strip()
    decimals = len(text) - text.rfind(".") - 1
    if "." not in text or not text[-decimals:].isdigit():
        raise ValueError(f"{text[:60]!r} where {n_numbers} numbers of fixed width are expected")
    number = rf"\s*([-+]?\d*\.\d{{{decimals}}})"
    found = re.fullmatch(number * n_numbers, text)
    if found is None:
        raise ValueError(f"{text[:60]!r} where {n_numbers} numbers of {decimals} decimals are expected")
    return list(found.groups())


def slice_numbers(rows: Sequence[str], start: int, width: int, n_numbers: int) -> np.ndarray:
    """Return numbers from columns of a fixed width, shape ``(n_rows, n_numbers)``.

    Raises
    ------
    ValueError
        If a column does not hold a number.
    """
    length = start + width * n_numbers
    text = "".join(row[start:length].ljust(length - start) for row in rows)
    if not text.isascii():
        raise ValueError("characters beyond ASCII")
    fields = np.frombuffer(text.encode(), f"S{width}").reshape(len(rows), n_numbers)
    if (np.char.count(np.char.strip(fields), b" ") > 0).any():
        raise ValueError("two numbers in one column")
    return fields.astype(float)
