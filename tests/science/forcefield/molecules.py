"""Molecules and complexes with rows of atoms enumerated from their bonds, and random parameters of every family."""

from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from ase.io import read
from ase.neighborlist import natural_cutoffs, neighbor_list

from aiida_elyte.science.forcefield.evaluation import Interaction
from aiida_elyte.science.forcefield.internal import InternalCoordinates
from aiida_elyte.science.forcefield.model import BONDED
from aiida_elyte.science.forcefield.terms import Coulomb, LennardJones96, nonbonded_pairs
from aiida_elyte.science.lammps.system import CoefficientRows, LammpsSystem

MOLECULES = {atoms.info["name"]: atoms for atoms in read(Path(__file__).with_name("molecules.xyz"), index=":")}
N_TYPES = 4
_WIDTHS = {"kcal/mol": 3.0, "rad": 0.3, "Å": 0.2}
_CENTRES = {"r0": 1.4, "r1": 1.4, "r2": 1.4, "r3": 1.4, "theta0": 1.9, "theta1": 1.9, "theta2": 1.9, "theta3": 1.9}


def rows_of(atoms):
    """Enumerate bonds, angles, dihedrals and impropers; ions are bare, and nothing twists around six neighbours."""
    cutoffs = [
        0.0 if symbol == "Li" else radius for symbol, radius in zip(atoms.symbols, natural_cutoffs(atoms), strict=True)
    ]
    first, second = neighbor_list("ij", atoms, [1.15 * each for each in cutoffs])
    neighbours = [sorted(second[first == atom].tolist()) for atom in range(len(atoms))]
    bonds = [(i, j) for i, around in enumerate(neighbours) for j in around if i < j]
    angles = [(i, j, k) for j, around in enumerate(neighbours) for i, k in combinations(around, 2)]
    dihedrals = [
        (i, j, k, m) for j, k in bonds for i in neighbours[j] if i != k for m in neighbours[k] if m not in (i, j)
    ]
    impropers = [
        (i, j, k, m) for j, around in enumerate(neighbours) if len(around) < 5 for i, k, m in combinations(around, 3)
    ]
    found = {"bonds": bonds, "angles": angles, "dihedrals": dihedrals, "impropers": impropers}
    return {
        kind: np.array(rows, dtype=int).reshape(-1, width)
        for (kind, rows), width in zip(found.items(), (2, 3, 4, 4), strict=True)
    }


def molecules_of(n_atoms, bonds):
    """Number the molecule of each atom."""
    label = np.arange(n_atoms)
    for _ in range(n_atoms):
        for i, j in bonds:
            label[[i, j]] = label[[i, j]].min()
    return np.unique(label, return_inverse=True)[1]


def random_parameters(term, rng, n_types=N_TYPES):
    """Return parameters of a family, every one of them at random around a sensible value, zero for couplings."""
    columns = []
    for name, unit in term.parameters:
        width = _WIDTHS.get(unit, 5.0)
        columns.append(_CENTRES.get(name, 0.0) + width * rng.normal(size=n_types))
    return np.column_stack(columns)


def random_system(atoms, rng):
    """Return an atoms' LAMMPS system of rattled positions with random types and parameters."""
    rows = rows_of(atoms)
    typed = {}
    for kind, term in BONDED.items():
        n_types = min(N_TYPES, len(rows[kind]))
        types = rng.permutation(np.arange(len(rows[kind])) % max(1, n_types))
        typed[kind] = CoefficientRows(rows[kind], types, random_parameters(term, rng, n_types))
    elements, atom_types = np.unique(atoms.get_chemical_symbols(), return_inverse=True)
    masses = np.array([atoms.get_masses()[atom_types == each][0] for each in range(len(elements))])
    return LammpsSystem(
        positions=atoms.positions + 0.15 * rng.normal(size=(len(atoms), 3)),
        atom_types=atom_types,
        charges=rng.normal(scale=0.5, size=len(atoms)),
        molecules=molecules_of(len(atoms), rows["bonds"]),
        elements=elements.tolist(),
        masses=masses,
        lennard_jones=np.column_stack([rng.uniform(0.02, 0.3, len(elements)), rng.uniform(2.0, 3.6, len(elements))]),
        **typed,
    )


def model_of(system, positions=None):
    """Return the same system as our coordinates and interactions: bonded families, Lennard-Jones, Coulomb."""
    positions = system.positions[None] if positions is None else positions
    pairs = nonbonded_pairs(len(system.positions), system.bonds.atoms)
    coordinates = InternalCoordinates(
        torch.as_tensor(positions), pairs=pairs, **{kind: getattr(system, kind).atoms for kind in BONDED}
    )
    interactions = [
        Interaction(
            term, torch.as_tensor(getattr(system, kind).types), torch.as_tensor(getattr(system, kind).parameters)
        )
        for kind, term in BONDED.items()
    ]
    atom_types, pairs = torch.as_tensor(system.atom_types), torch.as_tensor(pairs)
    interactions.append(Interaction(LennardJones96(), atom_types[pairs], torch.as_tensor(system.lennard_jones)))
    interactions.append(Interaction(Coulomb(), pairs, torch.as_tensor(system.charges)[:, None]))
    return coordinates, interactions
