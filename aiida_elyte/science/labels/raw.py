"""Frames as a file holds them, before it is decided which of its values are labels."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

__all__ = ["LeftOut", "RawFrame", "from_atoms", "sentences"]

_RESULTS_PER_FRAME = ("energy", "free_energy", "stress")
_RESULTS_PER_ATOM = ("forces", "charges")
_NOT_COLUMNS = {"numbers", "positions", "tags", "initial_charges", "initial_magmoms"}


@dataclass(frozen=True)
class RawFrame:
    """One frame with everything that its file says of it, under the file's own names."""

    index: int
    """Number of the frame in its file, from 0."""
    atoms: Atoms
    """Elements, positions [Å], cell [Å] and periodicity; no labels, no constraints."""
    info: dict[str, Any]
    """Values of the frame by name: numbers, arrays, booleans, strings."""
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    """Values of the atoms by name, ``shape=(N,)`` or ``(N, k)``."""


@dataclass(frozen=True)
class LeftOut:
    """A frame that cannot be used."""

    index: int
    """Number of the frame in its file, from 0."""
    reason: str
    """What is wrong, as a clause: "its energy is nan"."""


def from_atoms(atoms: Atoms, index: int) -> RawFrame:
    """Return a frame that ASE read; the results of its calculator are values of the file, untouched by constraints."""
    info = dict(atoms.info)
    columns = {name: values for name, values in atoms.arrays.items() if name not in _NOT_COLUMNS}
    results = atoms.calc.results if atoms.calc is not None else {}
    for names, home in ((_RESULTS_PER_FRAME, info), (_RESULTS_PER_ATOM, columns)):
        for name in names:
            if results.get(name) is None:
                continue
            if name in home:
                home[f"info.{name}"] = home[name]
            home[name] = results[name]
    return RawFrame(index, Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc), info, columns)


def sentences(left_out: Iterable[LeftOut]) -> list[str]:
    """Return a sentence for each reason to leave frames out, with the frames it holds for."""
    by_reason: dict[str, list[int]] = {}
    for one in left_out:
        by_reason.setdefault(one.reason, []).append(one.index)
    return [f"{count_frames(indices)} left out: {reason}" for reason, indices in by_reason.items()]


def count_frames(indices: Iterable[int], most: int = 12) -> str:
    """Return "frame 2 is" or "frames 2, 5-7 are": the first of them where they are many."""
    numbers = sorted(indices)
    if len(numbers) == 1:
        return f"frame {numbers[0]} is"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:most])
    return f"frames {shown}{f' … ({len(numbers)} in all)' if len(runs) > most else ''} are"
