"""Frames that stand twice in a trajectory: where a job was restarted, or files were appended.

A frame is known again by the bits of its coordinates: no atom that moves comes back to the last digit, let alone
thousands. Frames that repeat earlier ones are left out, and what follows them must follow the last frame that was kept.
"""

import json
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.science.trajectory.times import mark_of, spacing_of, tolerance_of

__all__ = ["RepeatFilter", "digest_of", "uneven"]

_SAMPLED = 2048
"""Coordinates looked at: enough to hold some of each species that moves, few enough to cost next to nothing."""

_REMEMBERED = 100_000
"""Frames whose digests are kept, some 100 bytes each; beside them those of the first hundredth."""

_ROUNDING_A = 0.01
"""Largest difference of a coordinate printed twice at one step, as a restart wraps and rounds it anew [Å]."""

_ALIKE_STEPS = (0.4, 2.5)
"""Root mean square step over a seam, in units of the one before it, at which the motion is taken to go on."""

_SHOWN = 5
"""Places named in a note."""

_STATE = "repeats"


def digest_of(positions: np.ndarray) -> int:
    """Return a number that tells positions apart: a weighted sum of the bits of some thousand coordinates, mod 2⁶⁴."""
    flat = np.ascontiguousarray(positions).ravel()
    weights, chosen = _sample(flat.size)
    if chosen is not None:
        flat = flat[chosen]
    bits = flat.astype(np.float64, copy=False).view(np.uint64)
    # coordinates with few digits have zeros in their last bits, whose products would fall out at the upper end
    return int((bits ^ (bits >> np.uint64(32))) @ weights)


@lru_cache(maxsize=4)
def _sample(size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return odd random weights and the coordinates they are for, ``None`` for all; the same in every process."""
    rng = np.random.Generator(np.random.PCG64(7))
    chosen = None if size <= _SAMPLED else np.sort(rng.choice(size, _SAMPLED, replace=False))
    return rng.integers(0, 2**63, min(size, _SAMPLED), np.uint64) * np.uint64(2) + np.uint64(1), chosen


def uneven(path: Path, index: int, snapshot: Snapshot, gap: float, spacing: float) -> InputError:
    """Return the error of a frame that comes at another interval than the second."""
    unit = "fs" if snapshot.counter is None and snapshot.time_fs is not None else "steps"
    return InputError(
        f"frame {index} of {path} comes {gap:g} {unit} after the one before, the second {spacing:g} after the first; "
        "expected an even spacing; cut the file, or write it anew"
    )


class RepeatFilter:
    """Takes the frames of a file one by one, and tells which are new.

    Parameters
    ----------
    path
        The file, to name it in messages.
    is_numbering
        Whether the marks of frames only number them, as in XDATCAR, so that a repeated frame has a number of its own.
    """

    def __init__(self, path: Path, *, is_numbering: bool) -> None:
        self._path = path
        self._is_numbering = is_numbering
        self._n_kept = 0
        self._seen: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._recent: deque[tuple[int, Snapshot]] = deque(maxlen=2)
        self._first_mark = self._last_mark = self._offset = 0.0
        self._spacing: float | None = None
        self._again: int | None = None
        self._doubled: list[int] = []
        self._blocks: list[list[int]] = []
        self._notes: list[str] = []

    @property
    def n_kept(self) -> int:
        """Frames kept so far."""
        return self._n_kept

    @property
    def n_dropped(self) -> int:
        """Frames left out so far."""
        return len(self._doubled) + sum(last - first + 1 for first, last, _ in self._blocks)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on the frames that were left out."""
        notes = list(self._notes)
        if self._doubled:
            count = len(self._doubled)
            shown = _shorten([str(index) for index in self._doubled])
            notes.append(
                f"frame {shown} has the positions of the one before and is left out"
                if count == 1
                else f"{count} frames have the positions of the one before and are left out: {shown}"
            )
        if self._blocks:
            blocks = [
                f"{first}–{last} (as {again}–{again + last - first})" if last > first else f"{first} (as {again})"
                for first, last, again in self._blocks
            ]
            count = self.n_dropped - len(self._doubled)
            notes.append(
                f"{count} frame{'s repeat' if count > 1 else ' repeats'} earlier ones to the last digit and "
                f"{'are' if count > 1 else 'is'} left out: {_shorten(blocks)}"
            )
        return tuple(notes)

    def take(self, index: int, snapshot: Snapshot) -> bool:
        """Return whether the frame of an index in the file is new.

        Raises
        ------
        InputError
            If a frame follows none that was kept: at another spacing, or after a repetition that ends too early.
        """
        digest = digest_of(snapshot.positions_A)
        again = self._seen.get(digest, self._first.get(digest))
        if again == self._n_kept - 1 and not np.array_equal(self._recent[-1][1].positions_A, snapshot.positions_A):
            again = None
        if again is None:
            again = self._rounded_anew(snapshot)
        if again is None:
            self._accept(index, snapshot)
            self._remember(digest)
            self._recent.append((index, snapshot))
            self._n_kept += 1
            self._again = None
            return True
        self._compare_marks(index, snapshot, again)
        self._drop(index, again)
        self._again = again
        return False

    def _drop(self, index: int, again: int) -> None:
        source, end = self._file_index(again), self._n_kept - 1
        if again == end and self._again in (None, end):
            self._doubled.append(index)
            return
        last = self._blocks[-1] if self._blocks else None
        if last is not None and last[1] == index - 1 and source - last[2] == index - last[0]:
            last[1] = index
        else:
            self._blocks.append([index, index, source])

    def _file_index(self, kept: int) -> int:
        """Return the place in the file of a kept frame, from how many were left out before it."""
        place = kept
        for first, last in sorted(
            [*((index, index) for index in self._doubled), *((a, b) for a, b, _ in self._blocks)]
        ):
            if first <= place:
                place += last - first + 1
        return place

    def _remember(self, digest: int) -> None:
        kept = self._first if self._n_kept < _REMEMBERED // 100 else self._seen
        kept[digest] = self._n_kept
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def _rounded_anew(self, snapshot: Snapshot) -> int | None:
        """Return the last frame kept if this is the same, at the same mark, wrapped or rounded in another way."""
        mark = mark_of(snapshot)
        if mark is None or self._spacing is None or self._is_numbering or not self._recent:
            return None
        before = self._recent[-1][1]
        if abs(mark + self._offset - self._last_mark) > tolerance_of(snapshot, self._spacing):
            return None
        steps = _nearest_steps(before, snapshot)
        allowed = _ROUNDING_A
        if len(self._recent) > 1:
            allowed = min(allowed, 0.2 * _root_mean_square(_nearest_steps(self._recent[0][1], before)))
        return self._n_kept - 1 if float(np.abs(steps).max()) <= allowed else None

    def _accept(self, index: int, snapshot: Snapshot) -> None:
        """Check that a new frame follows the last one kept."""
        mark = mark_of(snapshot)
        if self._n_kept == 0:
            self._first_mark = self._last_mark = mark or 0.0
            return
        if self._n_kept == 1:
            self._spacing = spacing_of(self._recent[-1][1], snapshot)
            if self._spacing is not None:
                self._spacing += self._offset
                if not self._spacing > 0:
                    raise InputError(
                        f"frame {index} of {self._path} is not later than the first; expected steps or times that "
                        "grow; cut the file"
                    )
        end = self._n_kept - 1
        cut_short = self._again is not None and self._again < end
        if mark is None or self._spacing is None:
            if cut_short:
                raise self._differs(index)
            return
        mark += self._offset
        gap, tolerance = mark - self._last_mark, tolerance_of(snapshot, self._spacing)
        if abs(gap - self._spacing) > tolerance:
            if gap > tolerance:
                raise uneven(self._path, index, snapshot, gap, self._spacing)
            if cut_short or not self._starts_anew(index, snapshot):
                raise self._differs(index)
            mark = self._last_mark + self._spacing
        self._last_mark = mark

    def _starts_anew(self, index: int, snapshot: Snapshot) -> bool:
        """Take a frame whose counter is back at its start as going on, if its atoms are where they would be."""
        mark = mark_of(snapshot)
        if mark is None or self._spacing is None or len(self._recent) < 2:
            return False
        if mark > max(self._first_mark, self._spacing):
            return False
        (_, older), (_, before) = self._recent
        usual, over = (_root_mean_square(_nearest_steps(*pair)) for pair in ((older, before), (before, snapshot)))
        if not _ALIKE_STEPS[0] * usual <= over <= _ALIKE_STEPS[1] * usual:
            return False
        self._offset = self._last_mark + self._spacing - mark
        self._notes.append(
            f"steps or times start anew at frame {index}; taken as the run going on at the same spacing, as its atoms "
            "move no further from the frame before than usual"
        )
        return True

    def _differs(self, index: int) -> InputError:
        repeated = "" if self._again is None else ", although the frames before it repeat earlier ones"
        return InputError(
            f"frame {index} of {self._path} steps back behind the frame before with positions of its own{repeated}; "
            "expected one run in order of time, where a restart repeats frames to the last digit; cut the frames that "
            "were run twice, or put the files of each job as part_000.lammpstrj, part_001.lammpstrj, … in a folder "
            "(LAMMPS), or give independent runs as files of their own"
        )

    def _compare_marks(self, index: int, snapshot: Snapshot, again: int) -> None:
        """Check the mark of a repeated frame; count anew from it where it is only a number, or starts anew."""
        mark = mark_of(snapshot)
        if mark is None or (self._n_kept > 1 and self._spacing is None):
            return
        if self._spacing is None:  # frame 0 again before there is a second one
            if mark > self._last_mark and not self._is_numbering:
                raise self._stands_still(index, again)
            self._offset = self._first_mark - mark
            return
        ahead = mark + self._offset - self._last_mark
        is_ahead = ahead > 0.5 * self._spacing
        if self._is_numbering:
            self._offset = self._first_mark + again * self._spacing - mark
        elif is_ahead:
            raise self._stands_still(index, again)
        elif again == self._n_kept - 1 and ahead < -0.5 * self._spacing:
            self._offset = self._last_mark - mark
            self._notes.append(
                f"steps or times start anew at frame {index}; taken as the run going on, as its positions are those of "
                "the frame before"
            )

    def _stands_still(self, index: int, again: int) -> InputError:
        return InputError(
            f"frame {index} of {self._path} has the positions of frame {self._file_index(again)} to the last "
            "digit, but comes later by its step or time; expected atoms that move; write the trajectory anew"
        )

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what is needed to go on later, as arrays."""
        facts = {
            "n_kept": self._n_kept,
            "marks": [self._first_mark, self._last_mark, self._offset, self._spacing],
            "again": self._again,
            "dropped": [self._doubled, self._blocks],
            "notes": self._notes,
            "recent": [index for index, _ in self._recent],
        }
        known = {**self._first, **self._seen}
        return {
            f"{_STATE}_facts": np.array(json.dumps(facts)),
            f"{_STATE}_digests": np.array(list(known), np.uint64),
            f"{_STATE}_frames": np.array(list(known.values()), np.int64),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> list[int]:
        """Go on from where ``state_dict`` was taken; return the frames of the file to be given to ``restore`` first."""
        facts = json.loads(str(state[f"{_STATE}_facts"]))
        self._n_kept, self._again = facts["n_kept"], facts["again"]
        self._first_mark, self._last_mark, self._offset, self._spacing = facts["marks"]
        (self._doubled, self._blocks), self._notes = facts["dropped"], facts["notes"]
        pairs = zip(state[f"{_STATE}_digests"].tolist(), state[f"{_STATE}_frames"].tolist(), strict=True)
        for digest, frame in pairs:
            (self._first if frame < _REMEMBERED // 100 else self._seen)[digest] = frame
        self._recent.clear()
        return [int(index) for index in facts["recent"]]

    def restore(self, index: int, snapshot: Snapshot) -> None:
        """Take a frame that was kept before the state was taken."""
        self._recent.append((index, snapshot))

    @staticmethod
    def is_state(state: Mapping[str, Any]) -> bool:
        """Tell whether a mapping holds a state."""
        return f"{_STATE}_facts" in state


def _shorten(places: list[str]) -> str:
    others = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return ", ".join(places[:_SHOWN]) + others


def _nearest_steps(before: Snapshot, after: Snapshot) -> np.ndarray:
    """Return the nearest images of the differences of positions [Å], shape ``(n_atoms, 3)``."""
    steps = np.asarray(after.positions_A, float) - before.positions_A
    cell = after.cell_A if after.cell_A is not None else before.cell_A
    if cell is None or not abs(np.linalg.det(cell)) > 0:
        return steps
    return np.asarray(steps - np.rint(steps @ np.linalg.inv(cell)) @ cell)


def _root_mean_square(steps: np.ndarray) -> float:
    return float(np.sqrt(np.mean(steps**2)))
