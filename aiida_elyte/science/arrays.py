"""Named arrays as the bytes of an npz file."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["write_arrays"]


def write_arrays(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays in numpy's npz format."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
