"""From a force field and a cluster to what LAMMPS reads."""

import numpy as np
import torch
from ase.data import atomic_masses, atomic_numbers

from aiida_elyte.science.forcefield.model import BONDED, ForceField, place_types, spread_charges
from aiida_elyte.science.lammps.system import CoefficientRows, LammpsSystem
from aiida_elyte.science.molecules.molecule import embed_conformers, read_molecule
from aiida_elyte.science.molecules.topology import Topology
from aiida_elyte.science.molecules.typing import Types

__all__ = ["as_lammps_system", "place_molecules"]

_GAP_A = 3.0
"""Least distance along x between molecules that are set side by side [Å]."""


def as_lammps_system(
    force_field: ForceField,
    topology: Topology,
    types: Types,
    positions: np.ndarray,
    cell: np.ndarray | None = None,
) -> LammpsSystem:
    """Gather a cluster or box with its parameters, with only the types that occur.

    Parameters
    ----------
    force_field
        Parameters by type.
    topology, types
        Molecules, and their types at the depth of the force field.
    positions
        Positions [Å], ``shape=(N, 3)``.
    cell
        Cell vectors as rows, lower triangular [Å], ``shape=(3, 3)``; ``None`` for an isolated cluster.

    Raises
    ------
    InputError
        If the force field lacks types.
    """
    places = {kind: each.numpy() for kind, each in place_types(force_field.keys, topology, types).items()}
    present, atom_types = np.unique(places["atoms"], return_inverse=True)
    charges, lennard_jones = np.split(force_field.parameters["atoms"], [1], axis=1)
    elements = [topology.elements[int(np.argmax(atom_types == number))] for number in range(len(present))]
    rows = {}
    for kind in BONDED:
        found, numbers = np.unique(places[kind], return_inverse=True)
        rows[kind] = CoefficientRows(getattr(types, kind).rows, numbers, force_field.parameters[kind][found])
    return LammpsSystem(
        positions=positions,
        atom_types=atom_types,
        charges=spread_charges(
            topology, torch.as_tensor(charges[places["atoms"], 0]), force_field.charge_scale
        ).numpy(),
        molecules=topology.molecules,
        elements=elements,
        masses=np.array([atomic_masses[atomic_numbers[symbol]] for symbol in elements]),
        lennard_jones=lennard_jones[present],
        cell=cell,
        **rows,
    )


def place_molecules(smiles: str, seed: int = 0) -> np.ndarray:
    """Build the molecules of SMILES and set them side by side along x [Å], ``shape=(N, 3)``.

    Raises
    ------
    InputError
        If RDKit finds no geometry.
    """
    from rdkit import Chem

    molecule = read_molecule(smiles)
    positions = embed_conformers(molecule, 1, seed, f"SMILES {smiles!r}")[0]
    edge = 0.0
    for members in Chem.GetMolFrags(molecule):
        place = list(members)
        positions[place] -= positions[place].mean(axis=0)
        positions[place, 0] += edge - positions[place, 0].min()
        edge = positions[place, 0].max() + _GAP_A
    return positions
