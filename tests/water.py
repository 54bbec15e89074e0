"""Labelled frames of water, of a force field that is known."""

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.units import EV_KCAL_MOL

WATER = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
K_BOND, R0_A = 450.0, 0.97


def water(seed):
    """Return a frame with harmonic O–H bonds: E = 450 (r − 0.97)² kcal/mol each."""
    frame = Atoms("OH2", WATER + np.random.default_rng(seed).normal(0, 0.05, (3, 3)))
    forces = np.zeros((3, 3))
    for hydrogen in (1, 2):
        bond = frame.positions[hydrogen] - frame.positions[0]
        length = np.linalg.norm(bond)
        forces[hydrogen] = -2 * K_BOND * (length - R0_A) * bond / length
        forces[0] -= forces[hydrogen]
    frame.arrays["dft_charge"] = np.array([-0.8, 0.4, 0.4])
    frame.info.update(system="water", total_charge=0)
    frame.calc = SinglePointCalculator(frame, forces=forces / EV_KCAL_MOL)
    return frame
