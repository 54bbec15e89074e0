"""A record of a run of any length that never grows beyond a bound."""

from collections.abc import Sequence
from typing import Any

__all__ = ["BoundedRecord"]


class BoundedRecord:
    """Rows of numbers at a stride of steps that doubles whenever there are too many of them.

    What it holds depends on the rows given alone, not on where the run was taken up again.

    Parameters
    ----------
    columns
        What the numbers of a row are called.
    stride
        Steps between two rows at first.
    most
        Rows that are kept at most.
    """

    def __init__(self, columns: Sequence[str], stride: int, most: int = 256) -> None:
        self._columns, self._most = tuple(columns), most
        self._stride = stride
        self._rows: list[list[float | None]] = []

    def add(self, step: int, *values: float | None) -> None:
        """Take in a row, if its step is a multiple of the stride."""
        if step % self._stride:
            return
        self._rows.append([step, *values])
        if len(self._rows) > self._most:
            self._stride *= 2
            self._rows = [row for row in self._rows if not int(row[0] or 0) % self._stride]

    def as_dict(self) -> dict[str, list[float | None]]:
        """Return the columns by name, ``step`` the first; numbers have six digits."""
        rows = [[None if value is None else float(f"{value:.6g}") for value in row] for row in self._rows]
        steps: list[float | None] = [int(row[0] or 0) for row in self._rows]
        return {"step": steps} | {name: [row[place + 1] for row in rows] for place, name in enumerate(self._columns)}

    def state_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"stride": self._stride, "rows": [list(row) for row in self._rows]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken."""
        self._stride, self._rows = state["stride"], [list(row) for row in state["rows"]]
