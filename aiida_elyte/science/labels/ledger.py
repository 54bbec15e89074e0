"""How far a labelling job is, on disk: a job killed at any moment goes on where it was."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.program import CHECKPOINT, Checkpoint
from aiida_elyte.science.frames import write_frames

__all__ = ["Ledger", "Progress"]


@dataclass
class Progress:
    """How far a job is: what its checkpoint holds, with the positions of a relaxation in work."""

    n_done: int = 0
    """Frames given that are labelled or refused."""
    n_labelled: int = 0
    """Frames labelled, those made by heat among them."""
    n_bytes: int = 0
    """Bytes of ``labelled.extxyz`` that count."""
    refused: dict[str, str] = field(default_factory=dict)
    """Reason by frame, ``"7"``, and by geometry that heat made of it, ``"7-2"``."""
    times: int = 0
    """Times the frame in work has been begun without getting further."""
    n_of_frame: int = 0
    """Geometries of the frame in work that are labelled or refused."""
    n_steps: int = 0
    """Steps of its relaxation."""
    geometries: str | None = None
    """Its geometries as extended XYZ, once they are made."""


class Ledger:
    """What is done of a job, on disk.

    Frames are worked in order. ``labelled.extxyz`` is written first and the checkpoint after it: what a kill left
    between the two is cut.

    Parameters
    ----------
    folder
        The job's folder.
    frames, labelled
        Names of the file of the frames given and of that of the labelled ones.
    settings
        What else the labels depend on.

    Raises
    ------
    InputError
        If what lies in the folder belongs to another job.
    """

    def __init__(self, folder: Path, frames: str, labelled: str, settings: Mapping[str, Any]) -> None:
        self._labelled = folder / labelled
        frames_sha256 = hashlib.sha256((folder / frames).read_bytes()).hexdigest()
        self._checkpoint = Checkpoint(folder / CHECKPOINT, {frames: frames_sha256, **settings})
        self.state = Progress()
        """How far the job is."""
        self._positions: np.ndarray | None = None
        saved = self._checkpoint.load()
        if saved is not None:
            self.state, self._positions = Progress(**saved.state), saved.arrays.get("positions")
        elif self._labelled.exists():
            raise InputError(f"{labelled} is there without its {CHECKPOINT}; expected both or none; remove it")
        if self._labelled.exists():
            os.truncate(self._labelled, self.state.n_bytes)

    @property
    def relaxation(self) -> tuple[int, np.ndarray] | None:
        """Steps and positions of the relaxation in work."""
        return None if self._positions is None else (self.state.n_steps, self._positions)

    def begin(self) -> int:
        """Note that a frame is in work; return how often it has been begun without getting further."""
        self.state.times += 1
        self._write()
        return self.state.times

    def note_relaxation(self, n_steps: int, positions: np.ndarray) -> None:
        """Note how far a relaxation is."""
        self.state.n_steps, self.state.times, self._positions = n_steps, 0, positions
        self._write()

    def note_geometries(self, geometries: Sequence[Atoms]) -> None:
        """Note which geometries are to be labelled; a frame labelled as it is needs no note."""
        if self._positions is not None or len(geometries) > 1:
            self.state.geometries, self.state.times = write_frames(geometries), 0
            self._write()

    def keep(self, frame: Atoms, n_geometries: int) -> None:
        """Append a labelled frame, of so many that the frame in work has, and flush it to disk."""
        with self._labelled.open("ab") as handle:
            handle.write(write_frames([frame]).encode())
            handle.flush()
            os.fsync(handle.fileno())
            self.state.n_bytes = handle.tell()
        self.state.n_labelled += 1
        self._advance(n_geometries)

    def refuse(self, reason: str, place: int = 0, n_geometries: int = 1) -> None:
        """Note why a frame, or a geometry that heat made of it, has no labels."""
        name = str(self.state.n_done)
        self.state.refused[f"{name}-{place}" if place else name] = reason
        self._advance(n_geometries)

    def as_results(self) -> dict[str, Any]:
        """Return what goes into the results."""
        return {"n_labelled": self.state.n_labelled, "refused": self.state.refused}

    def _advance(self, n_geometries: int) -> None:
        self.state.n_of_frame += 1
        self.state.times = 0
        if self.state.n_of_frame >= n_geometries:
            self.state.n_done += 1
            self.state.n_of_frame, self.state.n_steps, self.state.geometries, self._positions = 0, 0, None, None
        self._write()

    def _write(self) -> None:
        self._checkpoint.save(vars(self.state), {} if self._positions is None else {"positions": self._positions})
