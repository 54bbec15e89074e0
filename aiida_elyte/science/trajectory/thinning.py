"""Samples at a constant stride, in bounded memory whatever their number."""

from typing import Any

import numpy as np

__all__ = ["Thinned"]


class Thinned:
    """Rows of one array at a constant stride; when there are too many, every second one goes and the stride doubles.

    Parameters
    ----------
    limit
        Rows kept at most.
    room
        Array of any content for the first rows, made larger when it is full.
    """

    def __init__(self, limit: int, room: np.ndarray) -> None:
        self._limit = limit
        self._room = room
        self._n_rows = 0
        self._is_shown = False
        self.stride = 1

    @property
    def rows(self) -> np.ndarray:
        """The rows kept so far; no copy, and not changed by what comes after."""
        self._is_shown = True
        return self._room[: self._n_rows]

    def load(self, stride: int, rows: np.ndarray) -> None:
        """Take these rows at this stride in place of all before."""
        self.stride, self._n_rows, self._is_shown = stride, len(rows), False
        self._room = self._empty(max(len(rows), len(self._room)))
        self._room[: len(rows)] = rows

    def takes(self, index: int) -> bool:
        """Tell whether the item of an index is wanted, after making room for it."""
        if index % self.stride == 0 and self._n_rows >= self._limit:
            self._thin()
        return index % self.stride == 0

    def keep(self, item: Any) -> None:
        """Put an item in the next row."""
        if self._n_rows == len(self._room):
            before, self._room = self._room, self._empty(2 * self._n_rows)
            self._room[: self._n_rows] = before
        self._room[self._n_rows] = item
        self._n_rows += 1

    def _thin(self) -> None:
        before = self._room
        if self._is_shown:
            self._room, self._is_shown = self._empty(len(before)), False
        self._n_rows = (self._n_rows + 1) // 2
        for index in range(self._n_rows):  # row by row, for a copy of them all would need memory
            self._room[index] = before[2 * index]
        self.stride *= 2

    def _empty(self, n_rows: int) -> np.ndarray:
        return np.empty((n_rows, *self._room.shape[1:]), self._room.dtype)
