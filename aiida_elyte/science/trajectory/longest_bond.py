"""The bond of a trajectory that was stretched most, found in the pass that reduces it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aiida_elyte.science.molecules.bond_lengths import sums_of_radii

__all__ = ["LongestBond"]


class LongestBond:
    """Finds the bond that was stretched most, relative to the sum of the covalent radii at its ends.

    Parameters
    ----------
    symbols
        Chemical symbol of each atom.
    bonds
        Pairs of bonded atoms, shape ``(B, 2)``; those of ends that are not elements are left out.
    """

    def __init__(self, symbols: Sequence[str], bonds: np.ndarray) -> None:
        bonds = np.asarray(bonds, int).reshape(-1, 2)
        radii = sums_of_radii(symbols, bonds)
        is_known = np.isfinite(radii)
        self._symbols, self._bonds, self._radii = symbols, bonds[is_known], radii[is_known]
        self._n_frames, self._frame, self._bond, self._stretch = 0, 0, -1, 0.0

    def add(self, positions_A: np.ndarray, cell_A: np.ndarray) -> None:
        """Take in the next frame.

        Parameters
        ----------
        positions_A
            Positions, wrapped or not [Å], shape ``(N, 3)``.
        cell_A
            Rows are the cell vectors [Å], shape ``(3, 3)``, much wider than a bond.
        """
        if len(self._bonds):
            first, second = self._bonds.T
            scaled = (positions_A[first] - positions_A[second]) @ np.linalg.inv(cell_A)
            stretch = np.linalg.norm((scaled - np.rint(scaled)) @ cell_A, axis=1) / self._radii
            most = int(np.argmax(stretch))
            if stretch[most] > self._stretch:
                self._frame, self._bond, self._stretch = self._n_frames, most, float(stretch[most])
        self._n_frames += 1

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what ``load_state_dict`` goes on from, as arrays."""
        return {"longest_bond": np.array([self._n_frames, self._frame, self._bond, self._stretch])}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken."""
        *counts, stretch = state["longest_bond"].tolist()
        self._n_frames, self._frame, self._bond = map(int, counts)
        self._stretch = float(stretch)

    def finish(self) -> dict[str, Any]:
        """Return ``n_bonds`` looked at, and of the longest ``stretch`` [1], ``length_A``, ``bond`` and ``frame``.

        The last four are ``None`` where there is no bond.
        """
        found: dict[str, Any] = {"n_bonds": len(self._bonds)}
        if self._bond < 0:
            return found | dict.fromkeys(("stretch", "length_A", "bond", "frame"))
        ends = "–".join(f"{self._symbols[atom]}{atom}" for atom in self._bonds[self._bond].tolist())
        length = self._stretch * float(self._radii[self._bond])
        return found | {"stretch": self._stretch, "length_A": length, "bond": ends, "frame": self._frame}
