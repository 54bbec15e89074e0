"""Soft spheres: the physics that the toy labeller labels by and the toy family learns."""

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

__all__ = ["soft_spheres"]


def soft_spheres(frame: Atoms, cutoff_A: float) -> tuple[float, np.ndarray, np.ndarray]:
    r"""Compute energy, forces and stress of spheres that repel each other, for a strength of 1 eV.

    .. math:: E = \sum_{i<j} (1 - r_{ij} / r_c)^3

    Parameters
    ----------
    frame
        Atoms, of whatever elements.
    cutoff_A
        Range :math:`r_c` [Å].

    Returns
    -------
    energy : float
        [eV].
    forces : np.ndarray
        ``shape=(n_atoms, 3)`` [eV/Å].
    stress : np.ndarray
        ``shape=(3, 3)`` [eV/Å³], positive under tension; NaN if the frame is not periodic.
    """
    first, vectors, distances = neighbor_list("iDd", frame, cutoff_A)
    rest = 1 - distances / cutoff_A
    pulls = (-3 * rest**2 / cutoff_A / distances)[:, None] * vectors
    forces = np.zeros((len(frame), 3))
    np.add.at(forces, first, pulls)
    volume = frame.get_volume() if frame.pbc.all() else np.nan
    return 0.5 * float((rest**3).sum()), forces, 0.5 * np.einsum("ni,nj->ij", vectors, pulls) / volume
