"""How far the members of a committee disagree."""

from dataclasses import dataclass

import numpy as np

from aiida_elyte.errors import InputError

__all__ = ["ForceSpread", "force_spread"]


@dataclass(frozen=True)
class ForceSpread:
    """Disagreement of a committee about the forces on one frame."""

    per_atom: np.ndarray
    """Standard deviation of the force vector on each atom, ``shape=(n_atoms,)`` [eV/Å]."""
    mean_forces: np.ndarray
    """Forces, the mean over the members, ``shape=(n_atoms, 3)`` [eV/Å]."""

    @property
    def maximum(self) -> float:
        """Spread of the atom the committee knows least [eV/Å]."""
        return float(self.per_atom.max())

    @property
    def mean(self) -> float:
        """Mean over the atoms [eV/Å]."""
        return float(self.per_atom.mean())


def force_spread(forces: np.ndarray) -> ForceSpread:
    r"""Compute the committee spread of the forces.

    .. math:: s_i = \sqrt{\frac{1}{M-1} \sum_m |\mathbf{F}_{mi} - \bar{\mathbf{F}}_i|^2}

    with the force :math:`\mathbf{F}_{mi}` of member :math:`m` of :math:`M` on atom :math:`i`.

    Parameters
    ----------
    forces
        ``shape=(n_members, n_atoms, 3)`` [eV/Å].

    Raises
    ------
    InputError
        For fewer than two members or an array of another shape.

    References
    ----------
    Schran, Brezina, Marsalek, J. Chem. Phys. 153, 104105 (2020), doi:10.1063/5.0016004.
    """
    forces = np.asarray(forces, float)
    if forces.ndim != 3 or forces.shape[2] != 3 or forces.shape[1] == 0:
        raise InputError(f"forces have shape {forces.shape}; expected (n_members, n_atoms, 3)")
    n_members = len(forces)
    if n_members < 2:
        raise InputError(f"a committee of {n_members} has no spread; expected at least two members")
    mean = forces.mean(axis=0)
    return ForceSpread(np.sqrt(((forces - mean) ** 2).sum(axis=(0, 2)) / (n_members - 1)), mean)
