"""The basis of a lattice before and after its cell changes: what was strained, and what was only named anew.

A cell that tilts too far is flipped: its vectors are replaced by sums of these, b → b ± a and the like, which span the
same lattice (https://docs.lammps.org/Howto_triclinic.html). Scaled coordinates of before and after then belong to
different bases, and their difference is not motion.
"""

from dataclasses import dataclass

import numpy as np

from aiida_elyte.errors import InputError

__all__ = ["Cell", "match_basis"]

_SMALLEST_A3 = 1e-6
"""Volume of a cell that is one [Å³]; scaled coordinates of a smaller one overflow."""

_LARGEST_STRAIN = 0.1
"""Strain of the cell from one frame to the next; far above what a barostat does, far below a shear that looks like a
flip, about 1 in a cell of equal edges."""

_LARGEST_OFFSET = 0.25
"""Part of the cell by which a vector may miss the lattice point it is matched with; at one half another is as near."""


_IDENTITY = np.eye(3)


@dataclass(frozen=True)
class Cell:
    """Three vectors that span a volume, and what is needed of them at every frame."""

    vectors: np.ndarray
    """Rows are the cell vectors [Å], shape ``(3, 3)``."""
    inverse: np.ndarray
    """Positions times this are scaled coordinates [1/Å], shape ``(3, 3)``."""
    volume: float
    """Volume [Å³], negative where the vectors are left-handed."""
    shortest: float | None
    """Shortest edge of a box with right angles along the axes [Å], else ``None``."""

    @classmethod
    def of(cls, vectors: np.ndarray) -> "Cell":
        """Return the cell of these vectors.

        Raises
        ------
        InputError
            If they span no volume.
        """
        volume = float(np.linalg.det(vectors)) if vectors.shape == (3, 3) else 0.0
        if not abs(volume) > _SMALLEST_A3:
            raise InputError("has no cell of positive volume; expected three cell vectors; set the cell")
        shortest = float(np.diagonal(vectors).min())
        is_box = np.count_nonzero(vectors) == 3 and shortest > 0
        return cls(np.array(vectors, float), np.linalg.inv(vectors), volume, shortest if is_box else None)


def match_basis(before: Cell, now: Cell) -> np.ndarray | None:
    """Return which vectors of the present lattice the vectors of the cell before have become.

    The unimodular integer matrix M for which M·h(now) is nearest to h(before); ``None`` stands for the identity, a
    change without a flip. A point of scaled coordinates s before, carried along with the lattice, has s·M now.

    Raises
    ------
    InputError
        If M cannot be told: the cell is mirrored, another lattice, or strained too far since the frame before.
    """
    if before.volume * now.volume < 0:
        raise InputError(
            "has a cell of the other handedness than the frame before; expected cell vectors that change little by "
            "little; cut the trajectory before it"
        )
    exact = before.vectors @ now.inverse
    nearest = np.rint(exact)
    is_flip = bool((nearest != _IDENTITY).any())
    strain = before.inverse @ (nearest @ now.vectors) - _IDENTITY
    is_same_lattice = not is_flip or abs(round(float(np.linalg.det(nearest)))) == 1
    size = float(np.linalg.norm(strain))  # never below the largest strain along a direction, and cheap
    if is_same_lattice and size > _LARGEST_STRAIN:
        size = float(np.linalg.norm(strain, ord=2))
    if not (is_same_lattice and size <= _LARGEST_STRAIN):
        by = f"a strain of {size:.2f}" if is_same_lattice else "another lattice"
        raise InputError(
            f"has a cell that differs from that of the frame before by {by}; expected less than {_LARGEST_STRAIN}, as "
            "larger strains cannot be told from flips of a tilted cell; write frames more often, or cut the trajectory "
            "before it"
        )
    offset = float(np.abs(exact - nearest).max())
    if offset > _LARGEST_OFFSET:
        raise InputError(
            f"moves a vector of the cell by {offset:.2f} of another one in one step; expected less than "
            f"{_LARGEST_OFFSET}, as half of one cannot be told from a flip of the tilted cell; write frames more often"
        )
    return nearest if is_flip else None
