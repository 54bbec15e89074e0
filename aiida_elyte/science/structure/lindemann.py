"""How far a framework has moved, measured by the spacing of its atoms."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from aiida_elyte.science.structure.rmsd import displacements

__all__ = ["Framework", "Moved"]


@dataclass(frozen=True)
class Moved:
    """How far a framework has moved."""

    rmsd_A: float
    """Root mean squared displacement of its atoms [Å]."""
    lindemann: float
    """Lindemann ratio of the species that has moved least [1]."""


class Framework:
    r"""The atoms of a crystal that must keep their sites.

    .. math:: \delta = \min_X \frac{\sqrt{\langle |\mathbf{u}|^2 \rangle_X}}{d_X}

    with the displacements u of the atoms of species X from their sites, the framework's drift removed, and the mean
    distance d_X of such an atom from the next of its species. Where every species has left its sites the framework is
    molten; where polyanions rotate, their centres stay.

    Parameters
    ----------
    reference
        The crystal, periodic.
    species
        Species of the framework; it holds at least one atom of them.

    References
    ----------
    Lindemann, Phys. Z. 11, 609 (1910); Jin, Gumbsch, Lu, Ma, Phys. Rev. Lett. 87, 055703 (2001),
    doi:10.1103/PhysRevLett.87.055703: crystals without surface melt when the ratio reaches 0.22.
    """

    def __init__(self, reference: Atoms, species: tuple[str, ...]) -> None:
        symbols = np.array(reference.get_chemical_symbols())
        self._sites = np.flatnonzero(np.isin(symbols, species))
        self._positions, self._cell = reference.positions[self._sites].copy(), reference.cell.array.copy()
        self._groups = {
            str(name): np.flatnonzero(symbols[self._sites] == name) for name in np.unique(symbols[self._sites])
        }
        self.spacing_A = {name: _spacing(reference, self._sites[group]) for name, group in self._groups.items()}
        """Mean distance of an atom from the next of its species, its own images included [Å]."""

    def moved(self, positions: np.ndarray, cell: np.ndarray) -> Moved:
        """Return how far the framework has moved.

        Parameters
        ----------
        positions
            Positions of all atoms of the crystal in their order, wrapped or not [Å], shape ``(n_atoms, 3)``.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``.
        """
        square = np.sum(displacements(positions[self._sites], cell, self._positions, self._cell) ** 2, axis=1)
        ratios = [np.sqrt(square[group].mean()) / self.spacing_A[name] for name, group in self._groups.items()]
        return Moved(float(np.sqrt(square.mean())), float(min(ratios)))


def _spacing(reference: Atoms, atoms: np.ndarray) -> float:
    """Return the mean distance of some atoms from the next of them, in a periodic crystal [Å]."""
    sites = Atoms(positions=reference.positions[atoms], cell=reference.cell, pbc=True)
    cutoff, first, distances = 4.0, np.empty(0, int), np.empty(0)
    while len(np.unique(first)) < len(sites):
        cutoff *= 1.5
        first, distances = neighbor_list("id", sites, cutoff)
    nearest = np.full(len(sites), np.inf)
    np.minimum.at(nearest, first, distances)
    return float(nearest.mean())
