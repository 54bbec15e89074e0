"""Some of many, at equal steps."""

import numpy as np

__all__ = ["spaced"]


def spaced(count: int, most: int) -> np.ndarray:
    """Return the indices of at most ``most`` of ``count`` things at equal steps, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)) if count else np.empty(0, int)
