"""Crowd: atoms placed so far, in open space or a periodic cube, found by cells so that each look costs the same."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from ase.data import atomic_numbers
from ase.data.vdw_alvarez import vdw_radii

from aiida_elyte.errors import InputError

__all__ = ["CONTACT_FACTOR", "NEAR_BONDS", "NEAR_FACTOR", "Crowd", "contact_radii"]

CONTACT_FACTOR = 0.75
"""No two atoms that bonds leave free come nearer than this part of the sum of their van der Waals radii [1]: H–H 1.8 Å,
C–H 2.2 Å, C–C 2.7 Å, Li–O 2.7 Å. What is left of an overlap, a short minimization removes."""

NEAR_BONDS = 6
"""Atoms up to this many bonds apart are near by themselves."""

NEAR_FACTOR = 0.7
"""They may come nearer than others by this factor [1], for vinyl chains are crowded; those at most three bonds apart
are not looked at."""

_AROUND = tuple(itertools.product((-1, 0, 1), repeat=3))


def contact_radii(elements: Sequence[str], contact_factor: float = CONTACT_FACTOR) -> np.ndarray:
    """Return the part of each atom's van der Waals radius that no other enters [Å], ``shape=(N,)``.

    Parameters
    ----------
    elements
        Chemical symbol of each of the N atoms.
    contact_factor
        Part of the radius [1]; 0 lets atoms overlap.

    Raises
    ------
    InputError
        If the factor is not within 0 … 1, or an element has no known radius.

    References
    ----------
    Alvarez, Dalton Trans. 42, 8617 (2013). https://doi.org/10.1039/c3dt50599e
    """
    if not 0 <= contact_factor <= 1:
        raise InputError(f"contact_factor is {contact_factor}; expected a number from 0 to 1; the default is 0.75")
    radii = np.array([vdw_radii[atomic_numbers[symbol]] for symbol in elements])
    if np.isnan(radii).any():
        symbol = elements[int(np.isnan(radii).argmax())]
        raise InputError(f"{symbol} has no van der Waals radius; expected another element; leave it out")
    return contact_factor * radii


class Crowd:
    """Atoms that have a place, and the question whether others fit between them.

    Parameters
    ----------
    radii_A
        Contact radius of each atom that may come [Å], ``shape=(N,)``: two collide nearer than the sum of theirs.
    edge_A
        Edge of the periodic cube [Å]; open space where ``None``.

    Raises
    ------
    InputError
        If the cube is too small to tell an atom from its image.
    """

    def __init__(self, radii_A: np.ndarray, edge_A: float | None = None) -> None:
        self.positions = np.full((len(radii_A), 3), np.nan)
        """Position of each atom [Å], not wrapped, ``shape=(N, 3)``; NaN for one that has no place yet."""
        self.edge_A = edge_A
        """Edge of the periodic cube [Å]; ``None`` in open space."""
        self._radii = radii_A
        reach = max(2 * float(radii_A.max()), 1.0)
        self._n_cells = 0 if edge_A is None else int(edge_A // reach)
        if edge_A is not None and self._n_cells < 3:
            raise InputError(f"box has an edge of {edge_A:.1f} Å; expected at least {3 * reach:.1f} Å; add molecules")
        self._width = reach if edge_A is None else edge_A / self._n_cells
        self._cells: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)

    def is_free(
        self,
        atoms: np.ndarray,
        positions: np.ndarray,
        factors: Sequence[dict[int, float]] | None = None,
        first: int = 0,
    ) -> bool:
        """Tell whether atoms fit between those that have a place.

        Parameters
        ----------
        atoms
            The n atoms to come.
        positions
            Where [Å], ``shape=(n, 3)``.
        factors
            For each atom of a molecule, which of its atoms may be nearer, and by what factor [1]; both counted from 0.
        first
            First atom of that molecule.
        """
        cells = {self._wrap((x + i, y + j, z + k)) for x, y, z in set(self._cells_of(positions)) for i, j, k in _AROUND}
        others = [other for cell in cells if cell in self._cells for other in self._cells[cell]]
        if not others:
            return True
        apart = positions[:, None] - self.positions[others]
        if self.edge_A is not None:
            apart -= self.edge_A * np.round(apart / self.edge_A)
        reach = self._radii[atoms][:, None] + self._radii[others]
        parts = np.einsum("ijx,ijx->ij", apart, apart) / np.maximum(reach, 1e-9) ** 2
        near = np.argwhere(parts < 1).tolist()
        if factors is None:
            return not near
        return all(parts[i, j] >= factors[int(atoms[i]) - first].get(others[j] - first, 1.0) ** 2 for i, j in near)

    def add(self, atoms: np.ndarray, positions: np.ndarray) -> None:
        """Give atoms their place [Å], ``shape=(n, 3)``."""
        self.positions[atoms] = positions
        for atom, cell in zip(atoms.tolist(), self._cells_of(positions), strict=True):
            self._cells[cell].append(atom)

    def remove(self, atoms: np.ndarray) -> None:
        """Take the place of atoms from them again."""
        for atom, cell in zip(atoms.tolist(), self._cells_of(self.positions[atoms]), strict=True):
            self._cells[cell].remove(atom)
        self.positions[atoms] = np.nan

    def _cells_of(self, positions: np.ndarray) -> Iterable[tuple[int, ...]]:
        return [self._wrap(cell) for cell in np.floor(positions / self._width).astype(int).tolist()]

    def _wrap(self, cell: Sequence[int]) -> tuple[int, ...]:
        return tuple(place % self._n_cells for place in cell) if self._n_cells else tuple(cell)
