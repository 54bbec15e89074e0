"""How far bonds are stretched, and from where on they are torn."""

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers, covalent_radii

__all__ = ["LONGEST", "sums_of_radii"]

LONGEST = 1.4
"""Bonds longer than this many sums of covalent radii are torn: thermal ones at 400 K reach 1.2."""


def sums_of_radii(symbols: Sequence[str], bonds: np.ndarray) -> np.ndarray:
    """Return the sum of the covalent radii at both ends of each bond [Å], shape ``(B,)``; NaN where one is not known.

    Parameters
    ----------
    symbols
        Chemical symbol of each atom.
    bonds
        Pairs of atoms, shape ``(B, 2)``.
    """
    known = [atomic_numbers.get(one, 0) for one in symbols]  # 0 is ASE's placeholder, no element
    radii = np.array([covalent_radii[number] if number else np.nan for number in known])
    first, second = np.asarray(bonds, int).reshape(-1, 2).T
    sums: np.ndarray = radii[first] + radii[second]
    return sums
