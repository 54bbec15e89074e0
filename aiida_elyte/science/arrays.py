"""Named arrays: as the bytes of an npz file, and in folders by the first part of their names."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["arrays_above", "arrays_under", "write_arrays"]


def write_arrays(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays in numpy's npz format."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def arrays_above(folder: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return arrays with a folder such as ``"state/"`` before their names."""
    return {f"{folder}{name}": array for name, array in arrays.items()}


def arrays_under(folder: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays of a folder, by their names in it."""
    return {name.removeprefix(folder): arrays[name] for name in arrays if name.startswith(folder)}
