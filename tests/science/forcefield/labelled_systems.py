"""Systems whose labels a given force field makes."""

from dataclasses import replace

import numpy as np
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.science.forcefield.evaluation import energies
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.units import EV_KCAL_MOL

WATER = Atoms("OH2", [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])


def frames_of(atoms, n_frames, seed, name, charge=0, amplitude_A=0.07):
    """Return displaced frames without labels' forces (zero), with charges that sum to the total."""
    rng = np.random.default_rng(seed)
    charges = np.where(atoms.numbers == 1, 0.1, -0.1) + 0.02 * atoms.numbers
    charges += (charge - charges.sum()) / len(atoms)
    frames = []
    for _ in range(n_frames):
        frame = Atoms(atoms.symbols, atoms.positions + rng.normal(0, amplitude_A, atoms.positions.shape))
        frame.arrays["dft_charge"] = charges
        frame.info.update(system=name, total_charge=charge)
        label(frame, np.zeros_like(frame.positions))
        frames.append(frame)
    return frames


def label(frame, forces_kcal_mol_A):
    frame.calc = SinglePointCalculator(frame, forces=forces_kcal_mol_A / EV_KCAL_MOL)


def force_field_of(constraints, free, **settings):
    tables = {kind: table.numpy() for kind, table in constraints.tables(free).items()}
    return ForceField(3, constraints.neighbourhoods, constraints.keys, tables, constraints.charge_scale, **settings)


def relabelled(systems, force_field):
    return [
        replace(system, forces=force_field.forces(system.topology, system.types, system.coordinates))
        for system in systems
    ]


def with_energies(systems, force_field, offset):
    return [
        replace(system, energies=offset + energies(
            system.coordinates, force_field.interactions(system.topology, system.types)).sum(0))
        for system in relabelled(systems, force_field)
    ]  # fmt: skip


def random_numbers(constraints, seed, scale=0.3):
    return scale * torch.as_tensor(np.random.default_rng(seed).normal(size=constraints.n_free))
