"""The labelled frames of a training, split and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.science.frames import read_frames, require_labels
from aiida_elyte.science.labels.theory import require_one_level
from aiida_elyte.science.learning.split import Split, split_frames

__all__ = ["TrainingSet", "read_training_set"]


@dataclass(frozen=True)
class TrainingSet:
    """Frames to train on and frames to validate on."""

    train: list[Atoms]
    """Frames to train on."""
    validation: list[Atoms]
    """Frames to validate on."""
    split: Split
    """How they were told apart."""
    level_of_theory: str
    """That of all labels; several are joined by ``+`` where they may be mixed."""
    warnings: list[str]
    """What must be said of them."""


def read_training_set(
    folder: Path, split: Mapping[str, Any], seed: int, allow_mixed_levels: bool = False
) -> TrainingSet:
    """Read ``dataset.extxyz`` and, where there is one, ``validation.extxyz``; without it some frames are set aside.

    Parameters
    ----------
    folder
        Where they lie.
    split
        Keywords of ``split_frames``.
    seed
        Of the split.
    allow_mixed_levels
        Whether labels of several levels of theory may be mixed.

    Raises
    ------
    InputError
        If a frame has no labels, or levels are mixed that may not be.
    """
    frames = read_frames(folder / "dataset.extxyz")
    require_labels(frames, name="dataset.extxyz")
    n_given = len(frames)
    given = folder / "validation.extxyz"
    if given.exists():
        frames += read_frames(given)
        require_labels(frames[n_given:], name="validation.extxyz")
        indices = np.arange(len(frames))
        found = Split(indices[:n_given], indices[n_given:], "given", {"validation.extxyz": len(frames) - n_given})
    else:
        found = split_frames(frames, rng=np.random.default_rng(seed), **split)
    warnings = []
    if allow_mixed_levels:
        levels = sorted({require_one_level([frame]) for frame in frames})
        level = " + ".join(levels)
        if len(levels) > 1:
            warnings.append(f"labels of {levels} are mixed, as allowed")
    else:
        level = require_one_level(frames, name="dataset.extxyz")
    train, validation = ([frames[index] for index in side] for side in (found.train, found.validation))
    return TrainingSet(train, validation, found, level, warnings + found.warnings)
