"""A cheap fingerprint of a geometry: who sits how far from whom.

Good enough to tell frames apart before a label is paid for; no torch, no training.
"""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from aiida_elyte.errors import InputError

__all__ = ["describe_atoms", "describe_frame"]


def describe_atoms(frame: Atoms, elements: Sequence[str], cutoff_A: float = 5.0, n_centres: int = 12) -> np.ndarray:
    r"""Compute the radial surroundings of every atom, one smooth histogram of distances per neighbour species.

    .. math:: g_{iBk} = \sum_{j \in B} e^{-(r_{ij} - \mu_k)^2 / 2\sigma^2} \tfrac12 (1 + \cos(\pi r_{ij} / r_c))

    with centres :math:`\mu_k` at equal steps :math:`\sigma` up to the cutoff :math:`r_c`. Invariant under translation,
    rotation and the order of the neighbours.

    Parameters
    ----------
    frame
        Geometry.
    elements
        Species, in the order of the descriptor; all of the frame's must be among them.
    cutoff_A
        Cutoff [Å].
    n_centres
        Centres per species.

    Returns
    -------
    np.ndarray
        ``shape=(n_atoms, n_elements * n_centres)`` [1].

    Raises
    ------
    InputError
        If the frame has a species that is not among ``elements``.

    References
    ----------
    Behler, J. Chem. Phys. 134, 074106 (2011), doi:10.1063/1.3553717 (radial symmetry functions).
    """
    symbols = frame.get_chemical_symbols()
    missing = sorted(set(symbols) - set(elements))
    if missing:
        raise InputError(f"a frame holds {', '.join(missing)}; expected species among {', '.join(elements)}")
    species = np.array([list(elements).index(symbol) for symbol in symbols])
    width = cutoff_A / n_centres
    centres = width * (np.arange(n_centres) + 0.5)
    first, second, distances = neighbor_list("ijd", frame, cutoff_A)
    peaks = np.exp(-((distances[:, None] - centres) ** 2) / (2 * width**2))
    peaks *= 0.5 * (1 + np.cos(np.pi * distances / cutoff_A))[:, None]
    histogram = np.zeros((len(frame), len(elements), n_centres))
    np.add.at(histogram, (first, species[second]), peaks)
    return histogram.reshape(len(frame), -1)


def describe_frame(frame: Atoms, elements: Sequence[str], cutoff_A: float = 5.0, n_centres: int = 12) -> np.ndarray:
    """Compute the descriptor of a frame: mean and standard deviation of ``describe_atoms`` over each species.

    The standard deviations see a single odd atom which the mean of a large cell would hide. Invariant under
    translation, rotation, the order of the atoms and repetition of the cell; zero where a species is absent.

    Returns
    -------
    np.ndarray
        ``shape=(2 * n_elements**2 * n_centres,)`` [1].
    """
    surroundings = describe_atoms(frame, elements, cutoff_A, n_centres)
    symbols = np.array(frame.get_chemical_symbols())
    parts = []
    for element in elements:
        own = surroundings[symbols == element]
        parts += [own.mean(axis=0), own.std(axis=0)] if len(own) else [np.zeros(surroundings.shape[1])] * 2
    return np.concatenate(parts)
