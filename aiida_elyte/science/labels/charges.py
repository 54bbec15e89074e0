"""Charges of atoms that reproduce the electrostatic potential around a molecule."""

import numpy as np
from ase.data import vdw_radii
from scipy.spatial.distance import cdist

from aiida_elyte.errors import InputError

__all__ = ["fit_charges", "surface_points"]

_SHELLS = (1.4, 1.6, 1.8, 2.0)
"""Van der Waals radii at which Merz and Kollman look at the potential."""

_RESTRAINT = 5e-4
"""Strength of the restraint of RESP's first stage [atomic units]."""
_TIGHTNESS = 0.1
"""Width of the hyperbola of RESP's restraint [e]."""

_TOLERANCE = 1e-8
_MOST_STEPS = 200


def surface_points(numbers: np.ndarray, positions: np.ndarray, density: float = 1.0) -> np.ndarray:
    """Place points around a molecule, after Merz and Kollman.

    They lie on spheres of 1.4, 1.6, 1.8 and 2.0 van der Waals radii about the atoms, where no sphere of another atom
    covers them. U. C. Singh, P. A. Kollman, J. Comput. Chem. 5, 129 (1984), doi:10.1002/jcc.540050204.

    Parameters
    ----------
    numbers
        Atomic numbers, ``shape=(N,)``.
    positions
        Positions [Å], ``shape=(N, 3)``.
    density
        Points an area [1/Å²].

    Returns
    -------
    numpy.ndarray
        The points [Å], ``shape=(P, 3)``.

    Raises
    ------
    InputError
        If an element has no known van der Waals radius.
    """
    radii = vdw_radii[numbers]
    if np.isnan(radii).any():
        raise InputError(
            f"atomic numbers {sorted(set(numbers[np.isnan(radii)].tolist()))} have no van der Waals radius"
        )
    points = []
    for shell in _SHELLS:
        for atom, radius in enumerate(shell * radii):
            trial = positions[atom] + radius * _sphere(max(1, round(4 * np.pi * radius**2 * density)))
            others = np.arange(len(numbers)) != atom
            covered = (cdist(trial, positions[others]) < shell * radii[others]).any(axis=1)
            points.append(trial[~covered])
    return np.concatenate(points)


def fit_charges(
    potential: np.ndarray,
    points: np.ndarray,
    positions: np.ndarray,
    total: float,
    is_restrained: np.ndarray | None = None,
) -> np.ndarray:
    r"""Fit charges of atoms to an electrostatic potential, with the restraint of RESP's first stage.

    .. math::

        \min_q \sum_p \Big(V_p - \sum_i \frac{q_i}{r_{pi}}\Big)^2 + a \sum_i \big((q_i^2 + b^2)^{1/2} - b\big), \quad
        \sum_i q_i = Q

    with potential :math:`V_p` at point p, a = 0.0005 and b = 0.1. C. I. Bayly, P. Cieplak, W. D. Cornell, P. A.
    Kollman, J. Phys. Chem. 97, 10269 (1993), doi:10.1021/j100142a004.

    Parameters
    ----------
    potential
        Potential at the points [hartree/e], ``shape=(P,)``.
    points, positions
        Points and atoms [bohr], ``shape=(P, 3)`` and ``(N, 3)``.
    total
        Q, the total charge [e].
    is_restrained
        Which atoms the restraint holds, RESP's are all but hydrogen, ``shape=(N,)``; none where not given.

    Returns
    -------
    numpy.ndarray
        Charges [e], ``shape=(N,)``.

    Raises
    ------
    InputError
        If the restraint finds no end.
    """
    inverse = 1 / cdist(points, positions)
    n_atoms = len(positions)
    held = np.zeros(n_atoms) if is_restrained is None else _RESTRAINT * np.asarray(is_restrained)
    matrix = np.ones((n_atoms + 1, n_atoms + 1))
    matrix[-1, -1] = 0
    right = np.append(inverse.T @ potential, total)
    normal = inverse.T @ inverse
    charges = np.zeros(n_atoms)
    for _ in range(_MOST_STEPS):
        matrix[:-1, :-1] = normal + np.diag(0.5 * held / np.sqrt(charges**2 + _TIGHTNESS**2))
        before, charges = charges, np.linalg.solve(matrix, right)[:-1]
        if np.abs(charges - before).max() < _TOLERANCE:
            return np.asarray(charges)
    raise InputError("charges do not settle under the restraint; expected a sound potential; check the frame")


def _sphere(count: int) -> np.ndarray:
    """Return points spread evenly on the unit sphere along a spiral, ``shape=(count, 3)``."""
    place = np.arange(count) + 0.5
    z = 1 - 2 * place / count
    angle = np.pi * (1 + 5**0.5) * place
    flat = np.sqrt(1 - z**2)
    return np.column_stack([flat * np.cos(angle), flat * np.sin(angle), z])
