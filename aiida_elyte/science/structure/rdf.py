"""Radial distribution functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from aiida_elyte.errors import InputError

__all__ = ["RadialDistribution", "radial_distribution"]


@dataclass(frozen=True)
class RadialDistribution:
    """Density of one species around another, relative to its mean density."""

    pair: tuple[str, str]
    """Species at the centre, and species counted around it."""
    distance_A: np.ndarray
    """Middle of each shell [Å], shape ``(B,)``."""
    g: np.ndarray
    """Radial distribution function, shape ``(B,)``."""
    coordination: np.ndarray
    """Neighbours up to the outer edge of each shell, shape ``(B,)``."""


def radial_distribution(
    frames: Sequence[Atoms], centre: str, around: str, max_distance_A: float = 6.0, n_shells: int = 120
) -> RadialDistribution:
    r"""Compute the radial distribution function of a pair of species over periodic frames.

    .. math:: g(r) = \frac{n(r, r + dr)}{N_a \rho_b \frac{4\pi}{3} [(r + dr)^3 - r^3]}

    with n the pairs of a shell, N_a the centres and ρ_b the density of the species counted (of the others, when a = b).
    All images are counted, so the distance may exceed half the cell.

    Parameters
    ----------
    frames
        Periodic frames.
    centre, around
        Species at the centre and species counted.
    max_distance_A
        Largest distance [Å].
    n_shells
        Number of shells.

    Raises
    ------
    InputError
        When there is no frame, or a frame holds no such pair or has no volume.
    """
    if not frames:
        raise InputError("frames is empty; expected at least one frame")
    edges = np.linspace(0.0, max_distance_A, n_shells + 1)
    shells = 4 * np.pi / 3 * np.diff(edges**3)
    g, neighbours = np.zeros(n_shells), np.zeros(n_shells)
    for index, frame in enumerate(frames):
        symbols = np.array(frame.get_chemical_symbols())
        n_centres, n_around = int((symbols == centre).sum()), int((symbols == around).sum())
        n_others = n_around - (centre == around)
        if n_centres == 0 or n_others < 1 or not frame.cell.volume > 0:
            raise InputError(
                f"frame {index} is {frame.get_chemical_formula()} in {frame.cell.volume:g} Å³; "
                f"expected {centre} and {around} in a periodic cell; choose a pair that it holds"
            )
        i, j, distances = neighbor_list("ijd", frame, max_distance_A)
        counts, _ = np.histogram(distances[(symbols[i] == centre) & (symbols[j] == around)], edges)
        g += counts / (n_centres * n_others / frame.cell.volume * shells)
        neighbours += counts / n_centres
    return RadialDistribution(
        pair=(centre, around),
        distance_A=(edges[1:] + edges[:-1]) / 2,
        g=g / len(frames),
        coordination=np.cumsum(neighbours) / len(frames),
    )
