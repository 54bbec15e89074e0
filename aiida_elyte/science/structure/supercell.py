"""How often a cell is repeated, so that no ion sees itself."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError

__all__ = ["AUTO", "LEAST_WIDTH_A", "Supercell", "choose_supercell", "perpendicular_widths", "without_choice"]

AUTO = "auto"
"""Asks for a supercell by its shortest width."""

LEAST_WIDTH_A = 15.0
"""Smallest width of a supercell that is chosen [Å]; ion correlations in superionic conductors reach over some sites."""


@dataclass(frozen=True)
class Supercell:
    """Repeats of a cell, and what they come to."""

    repeats: tuple[int, int, int]
    """Repeats along each cell vector."""
    width_A: float
    """Shortest distance between opposite faces [Å]: no atom is nearer to an image of itself."""
    n_atoms: int
    """Atoms."""
    reason: str
    """Why these, in a sentence."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-serialisable values."""
        return {**asdict(self), "repeats": list(self.repeats)}


def perpendicular_widths(cell_A: np.ndarray) -> np.ndarray:
    r"""Compute the distances between opposite faces of a cell.

    .. math:: w_i = V / |\mathbf{a}_j \times \mathbf{a}_k|

    Parameters
    ----------
    cell_A
        Rows are the cell vectors a [Å], shape ``(3, 3)``.

    Returns
    -------
    numpy.ndarray
        Widths [Å], shape ``(3,)``: never longer than the vectors, and shorter in a cell that leans.
    """
    return np.asarray(1.0 / np.linalg.norm(np.linalg.inv(cell_A), axis=0))


def choose_supercell(
    crystal: Atoms, asked: str | Sequence[int], cutoff_A: float, max_atoms: int | None = None
) -> Supercell:
    """Return the repeats asked for, or the least that are wide enough.

    Parameters
    ----------
    crystal
        The cell.
    asked
        Repeats along each vector; or ``auto``: every width is at least 15 Å and twice the cut-off.
    cutoff_A
        Longest cut-off of the potentials [Å].
    max_atoms
        Most atoms of a supercell chosen so; ``None`` sets no bound.

    Raises
    ------
    InputError
        If it would have more atoms.
    """
    widths = perpendicular_widths(crystal.cell.array)
    least = max(LEAST_WIDTH_A, 2.0 * cutoff_A)
    if isinstance(asked, str):
        # A cell that misses the width by rounding alone is not doubled.
        counts = [max(1, math.ceil(least / width - 1e-6)) for width in widths.tolist()]
        reason = f"at least {least:g} Å wide, the larger of {LEAST_WIDTH_A:g} Å and twice the cut-off of {cutoff_A:g} Å"
    else:
        counts, reason = [int(count) for count in asked], "as given"
    width = float((widths * counts).min())
    n_atoms = len(crystal) * math.prod(counts)
    if isinstance(asked, str) and max_atoms is not None and n_atoms > max_atoms:
        raise InputError(
            f"supercell auto takes {counts[0]} × {counts[1]} × {counts[2]} cells, {n_atoms} atoms; expected "
            f"{max_atoms} at most; raise max_atoms, or give the supercell as three whole numbers"
        )
    if width < least - 1e-3 and not isinstance(asked, str):
        reason += f"; {width:.1f} Å wide, below {least:g} Å: ions see their own images"
    return Supercell((counts[0], counts[1], counts[2]), width, n_atoms, reason)


def without_choice(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return conditions without what only the choice of a supercell takes: ``auto`` and ``max_atoms``."""
    is_chosen = conditions.get("supercell") == AUTO
    left_out = ("max_atoms", "supercell") if is_chosen else ("max_atoms",)
    return {key: value for key, value in conditions.items() if key not in left_out}
