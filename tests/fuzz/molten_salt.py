"""One molten salt, four ions that walk in a triclinic cell, as numbers that every synthetic file holds."""

import numpy as np

__all__ = ["CELL", "N_FRAMES", "SYMBOLS", "labels", "numbers", "walk"]

SYMBOLS = ("Li", "Li", "Cl", "Cl")
CELL = np.array([[5.1, 0.0, 0.0], [0.4, 5.3, 0.0], [-0.3, 0.2, 5.5]])
N_FRAMES = 5


def walk(seed=0, step=0.06):
    """Return scaled positions of a walk, shape ``(N_FRAMES, 4, 3)``; wrapped and not at the faces."""
    rng = np.random.default_rng(seed)
    start = np.array([[0.2, 0.25, 0.3], [0.7, 0.75, 0.3], [0.7, 0.25, 0.8], [0.2, 0.75, 0.8]])
    return start + np.cumsum(rng.uniform(-step, step, (N_FRAMES, len(SYMBOLS), 3)), axis=0)


def labels(seed=1):
    """Return energies, forces and stresses (rows xx yy zz xy yz zx) of all frames."""
    rng = np.random.default_rng(seed)
    forces = rng.normal(0, 0.4, (N_FRAMES, len(SYMBOLS), 3))
    return (
        -12.0 + 0.1 * rng.normal(size=N_FRAMES),
        forces - forces.mean(axis=1, keepdims=True),
        rng.normal(0, 9, (N_FRAMES, 6)),
    )


def numbers(values, form="{:.8f}"):
    return " ".join(form.format(value) for value in np.ravel(values))
