"""A lithium ion in dimethoxyethane with a force field that was not fitted: where fits begin, sane and made up."""

from dataclasses import replace

import numpy as np
import torch
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.science.electrolyte.clusters import ClusterRecipe, Ingredient, make_clusters
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.dataset import group_frames
from aiida_elyte.science.forcefield.model import ForceField

ETHER_CHARGES = {"O": -0.4, "C": 0.1, "H": 0.04, "Li": 1.0, "Cl": -1.0}
RECIPE = {
    "name": "dme_licl",
    "solvents": {"DME": {"smiles": "COCCOC"}},
    "salt": {"name": "LiCl", "molality_mol_kg": 1.0},
    "n_atoms": 200,
    "temperature_K": 350,
}


def clusters(count=3, n_solvent=1):
    """Return clusters of Li⁺, Cl⁻ and dimethoxyethane, unlabelled."""
    ions = (Ingredient("Li", "[Li+]", 1), Ingredient("Cl", "[Cl-]", 1, ("[Cl-]",), (2.2, 2.6)))
    return make_clusters(ClusterRecipe("contact", (*ions, Ingredient("DME", "COCCOC", n_solvent, ("[OX2]",)))), count)[
        0
    ]


def begun_force_field(shift=0.0):
    """Return the force field from which a fit of these clusters begins, its free numbers shifted by as much."""
    frames = clusters()
    for frame in frames:
        charges = np.array([ETHER_CHARGES[symbol] for symbol in frame.get_chemical_symbols()])
        charges[frame.symbols == "C"] -= charges.sum() / np.count_nonzero(frame.symbols == "C")
        frame.arrays["dft_charge"] = charges
        frame.calc = SinglePointCalculator(frame, energy=0.0, forces=np.zeros((len(frame), 3)))
    constraints = Constraints(group_frames(frames))
    tables = constraints.tables(torch.full((constraints.n_free,), shift, dtype=torch.float64))
    return ForceField(
        depth=3,
        neighbourhoods=constraints.neighbourhoods,
        keys=constraints.keys,
        parameters={kind: table.numpy() for kind, table in tables.items()},
    )


def with_scaled_bonds(force_field, factor):
    """Return the force field with all bonds longer by a factor."""
    bonds = force_field.parameters["bonds"].copy()
    bonds[:, 0] *= factor
    return replace(force_field, parameters={**force_field.parameters, "bonds": bonds})
