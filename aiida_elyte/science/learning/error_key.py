"""The error by which a trainer's models are judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ErrorKey", "held_out_error"]


@dataclass(frozen=True)
class ErrorKey:
    """Where a trainer reports an error, and what it is."""

    path: tuple[str, ...]
    """Keys that lead to it from the errors of one side of the split; the last is its name."""
    label: str
    """What to call it."""
    unit: str
    """Its unit."""

    @property
    def scale(self) -> tuple[int, str, int]:
        """Factor, unit and decimals to print it with: errors in eV are small, and read in meV."""
        return (1000, f"m{self.unit}", 1) if self.unit.startswith("eV") else (1, self.unit, 2)

    @property
    def name(self) -> str:
        """Its name, with its unit."""
        return self.path[-1]

    def of(self, errors: Mapping[str, Any]) -> float | None:
        """Return the error of one side of the split, ``None`` if it is not reported."""
        found: Any = errors
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return None if found is None else float(found)


def held_out_error(members: Iterable[Mapping[str, Any]], key: ErrorKey) -> float | None:
    """Return an error on frames that no fit has seen, the mean over members, in the unit of the trainer.

    Parameters
    ----------
    members
        ``errors`` of each: those of ``test`` frames, else of ``validation``.
    key
        Where the trainer reports it.
    """
    sides = (member["errors"].get("test") or member["errors"].get("validation") or {} for member in members)
    found = [error for error in map(key.of, sides) if error is not None]
    return sum(found) / len(found) if found else None
