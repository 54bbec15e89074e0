"""How much a label counts in a fit: those of colliding atoms less than those of ordinary ones."""

import numpy as np

__all__ = ["weigh_forces"]


def weigh_forces(forces: np.ndarray, large_force_eV_A: float | None) -> np.ndarray:
    """Compute the weight of each atom's force, min(1, (F0/F)²), shape (n_atoms,).

    Weighted squares of errors above F0 are squares of relative errors: a pair pushed together cannot outweigh a crystal
    at rest. The smallest weight of a frame is that of its energy.

    Parameters
    ----------
    forces
        Labels [eV/Å], shape (n_atoms, 3).
    large_force_eV_A
        F0 [eV/Å]; ``None`` for weights of one.
    """
    if large_force_eV_A is None:
        return np.ones(len(forces))
    return (large_force_eV_A / np.maximum(np.linalg.norm(forces, axis=1), large_force_eV_A)) ** 2
