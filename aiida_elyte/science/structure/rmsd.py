"""Whether the framework still stands: its displacement from a reference, drift removed."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError

__all__ = ["displacements", "framework_displacement", "framework_rmsd"]


def framework_displacement(
    positions: np.ndarray, cell: np.ndarray, reference_positions: np.ndarray, reference_cell: np.ndarray
) -> float:
    r"""Compute the root mean squared displacement of atoms from their reference sites, drift removed.

    .. math:: \mathrm{RMSD}^2 = \frac{1}{N} \sum_i |(s_i - s_i^0 - \bar{s}) h|^2

    with scaled positions s, nearest images, mean drift s̄ and cell h: neither strain nor drift counts as displacement.

    Parameters
    ----------
    positions, reference_positions
        Positions of the framework's atoms in the same order, wrapped or not [Å], shape ``(N, 3)``.
    cell, reference_cell
        Rows are the cell vectors [Å], shape ``(3, 3)``.

    Returns
    -------
    float
        RMSD [Å].
    """
    moved = displacements(positions, cell, reference_positions, reference_cell)
    return float(np.sqrt(np.mean(np.sum(moved**2, axis=1))))


def displacements(
    positions: np.ndarray, cell: np.ndarray, reference_positions: np.ndarray, reference_cell: np.ndarray
) -> np.ndarray:
    """Compute the displacements of atoms from their reference sites, drift removed; as in ``framework_displacement``.

    Returns
    -------
    np.ndarray
        ``shape=(N, 3)`` [Å].
    """
    moved = positions @ np.linalg.inv(cell) - reference_positions @ np.linalg.inv(reference_cell)
    drift = np.angle(np.exp(2j * np.pi * moved).mean(axis=0)) / (2 * np.pi)  # a mean that knows no cell boundary
    moved = moved - drift
    moved -= np.rint(moved)
    moved -= moved.mean(axis=0)
    return moved @ cell


def framework_rmsd(frame: Atoms, reference: Atoms, framework: Sequence[str]) -> float:
    """Compute the RMSD of the framework species of a frame from a reference crystal [Å].

    It is the ``framework_displacement`` of these species. Nearest images bound it by about half the cell; a rotation of
    PS4 that swaps two S atoms counts in full, as atoms are told apart.

    Parameters
    ----------
    frame
        Frame with the atoms of the reference in the same order, or of the reference repeated along its vectors.
    reference
        The crystal.
    framework
        Species of the framework.

    Raises
    ------
    InputError
        If the frame is not made of the atoms of the reference, or holds none of the framework.
    """
    if len(frame) != len(reference):
        repeats = np.round(frame.cell.lengths() / reference.cell.lengths()).astype(int)
        reference = reference.repeat(np.maximum(1, repeats))
    if not np.array_equal(frame.numbers, reference.numbers):
        raise InputError(
            f"a frame of {frame.get_chemical_formula()} is compared with {reference.get_chemical_formula()}; "
            "expected the atoms of the reference, or of a supercell of it, in the same order"
        )
    chosen = np.isin(frame.get_chemical_symbols(), list(framework))
    if not chosen.any():
        raise InputError(
            f"framework names {', '.join(framework)}; expected species among {', '.join(sorted(set(frame.symbols)))}; "
            "name those that must not move"
        )
    cells = frame.cell.array, reference.cell.array
    return framework_displacement(frame.positions[chosen], cells[0], reference.positions[chosen], cells[1])
