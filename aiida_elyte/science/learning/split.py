"""Frames for training and frames for validation, without frames of one trajectory on both sides."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import block_of, labels_of

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
    frames: Sequence[Atoms],
    validation_fraction: float,
    rng: np.random.Generator,
    by: str = "block",
    largest_force_eV_A: float | None = None,
) -> Split:
    """Set frames aside for validation.

    A split carried by the frames (``info["split"]`` is ``train`` or ``validation``) is taken as given. Else whole
    blocks are set aside: those whose name, hashed with a number from ``rng``, falls below the fraction, or the lowest
    when none does. So a block keeps its side when others join the data set, and a training that starts warm does not
    validate on what it was trained on before. Blocks of more than one and a half times the wanted number are passed
    over. Where that sets aside nothing, one contiguous segment at a random place of every block is taken instead, with
    a warning: its ends touch training frames.

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
    largest_force_eV_A
        Blocks in which half of the frames or more hold a labelled force above it train [eV/Å]: the error of colliding
        atoms says little of a crystal, and would choose the epoch that is kept. ``None``, or fewer than two other
        frames: any block validates.

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
    ordinary = np.flatnonzero(_are_ordinary(frames, blocks, largest_force_eV_A))
    chosen = np.zeros(len(frames), bool)
    chosen[ordinary], kind, warnings = _choose(blocks[ordinary], validation_fraction, rng, by)
    return _make(chosen, blocks, kind, warnings)


def _are_ordinary(frames: Sequence[Atoms], blocks: np.ndarray, largest_force_eV_A: float | None) -> np.ndarray:
    """Return which frames may validate: those of blocks that seldom exceed the largest force, if there are two."""
    every = np.ones(len(frames), bool)
    if largest_force_eV_A is None:
        return every
    largest = np.array([np.linalg.norm(labels_of(frame)["forces"], axis=1).max() for frame in frames])
    names, place = np.unique(blocks, return_inverse=True)
    above = np.bincount(place, weights=largest > largest_force_eV_A, minlength=len(names)) / np.bincount(place)
    ordinary = above[place] < 0.5
    return ordinary if ordinary.sum() >= 2 else every


def _choose(
    blocks: np.ndarray, fraction: float, rng: np.random.Generator, by: str
) -> tuple[np.ndarray, str, list[str]]:
    """Return which frames validate, how they were told apart, and what must be said of that."""
    wanted = max(1.0, fraction * len(blocks))
    if by == "frame":
        chosen = np.zeros(len(blocks), bool)
        chosen[rng.permutation(len(blocks))[: round(wanted)]] = True
        warning = (
            "validation frames are shuffled frames of the training trajectories: their errors flatter the potential"
        )
        return chosen, "frame", [warning] if len(set(blocks)) < len(blocks) else []
    chosen = _draw_blocks(blocks, wanted, fraction, rng)
    if chosen.any():
        return chosen, "block", []
    warning = (
        f"{len(set(blocks))} block(s) are too few to set whole ones aside; validation frames are contiguous parts of "
        "the training blocks: their errors flatter the potential somewhat"
    )
    return _draw_segments(blocks, wanted, rng), "segment", [warning]


def _draw_blocks(blocks: np.ndarray, wanted: float, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the blocks whose hash falls below the fraction, or the lowest; large ones are passed over."""
    salt = int(rng.integers(2**62))
    scores = {
        block: int.from_bytes(hashlib.sha256(f"{salt}:{block}".encode()).digest()[:8], "big") / 2**64
        for block, size in Counter(blocks.tolist()).items()
        if size <= min(1.5 * wanted, len(blocks) - 1)
    }
    below = [block for block, score in scores.items() if score < fraction]
    return np.isin(blocks, below or sorted(scores, key=scores.__getitem__)[:1])


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
