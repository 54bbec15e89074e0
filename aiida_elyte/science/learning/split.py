"""Frames for training and frames for validation, without frames of one trajectory on both sides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import block_of

__all__ = ["Split", "split_frames"]


@dataclass(frozen=True)
class Split:
    """Which frames train and which validate."""

    train: np.ndarray
    """Indices of the training frames, ascending."""
    validation: np.ndarray
    """Indices of the validation frames, ascending."""
    by: str
    """``given``, ``block``, ``segment`` (contiguous parts of blocks) or ``frame``."""
    blocks: dict[str, int]
    """Validation frames of each block."""
    warnings: list[str] = field(default_factory=list)
    """What the reader of the errors must know."""

    def as_dict(self) -> dict[str, Any]:
        """Return the split for a report."""
        return {
            "by": self.by,
            "n_train": len(self.train),
            "n_validation": len(self.validation),
            "validation_blocks": self.blocks,
            "validation_indices": self.validation.tolist(),
        }


def split_frames(
    frames: Sequence[Atoms], validation_fraction: float, rng: np.random.Generator, by: str = "block"
) -> Split:
    """Set frames aside for validation.

    A split carried by the frames (``info["split"]`` is ``train`` or ``validation``) is taken as given. Else whole
    blocks are set aside, drawn at random, until the fraction is reached. Where blocks are too few and too large for
    that (less than half or more than one and a half times the fraction would be set aside), one contiguous segment at
    a random place of every block is taken instead, with a warning: its ends touch training frames.

    Parameters
    ----------
    frames
        Their block is the part of ``origin`` before ``#``, see ``block_of``.
    validation_fraction
        Between 0 and 1, both excluded.
    rng
        Draws blocks, places of segments, or frames.
    by
        ``block``, or ``frame`` for a shuffled split, which flatters and says so.

    Raises
    ------
    InputError
        On a fraction outside (0, 1), an unknown ``by``, fewer than two frames, or a given split with an empty side.
    """
    if not 0 < validation_fraction < 1:
        raise InputError(
            f"validation_fraction is {validation_fraction}; expected a number between 0 and 1; 0.1 is usual"
        )
    if by not in ("block", "frame"):
        raise InputError(f"split by {by!r} is unknown; expected 'block' or 'frame'")
    if len(frames) < 2:
        raise InputError(f"data set holds {len(frames)} frame; expected at least two, to train and to validate")
    blocks = np.array([block_of(frame, default=f"frame-{index}") for index, frame in enumerate(frames)])
    given = [frame.info.get("split") for frame in frames]
    if all(side in ("train", "validation") for side in given):
        return _make(np.array([side == "validation" for side in given]), blocks, "given", [])
    wanted = max(1.0, validation_fraction * len(frames))
    if by == "frame":
        chosen = np.zeros(len(frames), bool)
        chosen[rng.permutation(len(frames))[: round(wanted)]] = True
        warning = (
            "validation frames are shuffled frames of the training trajectories: their errors flatter the potential"
        )
        return _make(chosen, blocks, "frame", [warning] if len(set(blocks)) < len(frames) else [])
    chosen = _draw_blocks(blocks, wanted, rng)
    if 0.5 * wanted <= chosen.sum():
        return _make(chosen, blocks, "block", [])
    warning = (
        f"{len(set(blocks))} block(s) are too few to set whole ones aside; validation frames are contiguous parts of "
        "the training blocks: their errors flatter the potential somewhat"
    )
    return _make(_draw_segments(blocks, wanted, rng), blocks, "segment", [warning])


def _draw_blocks(blocks: np.ndarray, wanted: float, rng: np.random.Generator) -> np.ndarray:
    """Draw blocks at random, passing over those which would overshoot by more than half."""
    sizes = Counter(blocks.tolist())
    chosen: list[str] = []
    count = 0
    for block in rng.permutation(sorted(sizes)).tolist():
        if count >= wanted:
            break
        if count + sizes[block] <= min(1.5 * wanted, len(blocks) - 1):
            chosen.append(block)
            count += sizes[block]
    return np.isin(blocks, chosen)


def _draw_segments(blocks: np.ndarray, wanted: float, rng: np.random.Generator) -> np.ndarray:
    """Draw one segment of each block, in the order its frames came, of lengths that add up to the wanted number."""
    chosen = np.zeros(len(blocks), bool)
    owed = 0.0
    for block in sorted(set(blocks.tolist())):
        members = np.flatnonzero(blocks == block)
        owed += wanted * len(members) / len(blocks)
        length = min(round(owed), len(members) - 1)
        owed -= length
        start = int(rng.integers(len(members) - length + 1))
        chosen[members[start : start + length]] = True
    if not chosen.any():
        chosen[-1] = True
    return chosen


def _make(chosen: np.ndarray, blocks: np.ndarray, by: str, warnings: list[str]) -> Split:
    if chosen.all() or not chosen.any():
        raise InputError(f"split {by!r} leaves a side without frames; expected some on both; change the fraction")
    counts = dict(Counter(blocks[chosen].tolist()))
    return Split(np.flatnonzero(~chosen), np.flatnonzero(chosen), by, counts, warnings)
