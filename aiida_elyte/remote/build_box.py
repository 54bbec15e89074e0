"""A loose box of a recipe with its force field: the data file of LAMMPS, and the stages that compress it.

In:  ``settings.json``, ``forcefield.json``. Out: ``system.data``, ``results.json``.

Settings: ``recipe``; ``density_g_cm3`` of the loose box; ``compression``, the settings of ``Compression`` that are not
to be its own.
"""

import sys
from dataclasses import asdict
from typing import Any

import numpy as np

from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.dynamics.compression import Compression, compression_stages
from aiida_elyte.science.forcefield.export import as_lammps_system
from aiida_elyte.science.forcefield.lammps import data_file
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.forcefield.topology import topology_from_smiles
from aiida_elyte.science.forcefield.typing import assign_types
from aiida_elyte.science.recipe import Recipe, name_of_ion, read_recipe
from aiida_elyte.science.seeds.boxes import build_box, count_molecules
from aiida_elyte.science.seeds.packing import Box

__all__ = ["main"]

DATA = "system.data"


def run(job: Job) -> dict[str, Any]:
    """Build the box of a job."""
    settings = job.settings
    recipe = read_recipe(settings["recipe"])
    compression = Compression(**settings.get("compression", {}))
    force_field = ForceField.from_json((job.folder / "forcefield.json").read_text())
    amounts = count_molecules(recipe)
    box = build_box(recipe, amounts, settings["density_g_cm3"])
    types = assign_types(box.topology, force_field.depth)
    system = as_lammps_system(force_field, box.topology, types, box.positions, box.cell)
    write_atomically(job.folder / DATA, data_file(system, title=recipe.name))
    stages = compression_stages(recipe.temperature_K, recipe.pressure_bar, compression)
    return {
        "amounts": asdict(amounts),
        "loose_edge_A": float(box.cell[0, 0]),
        "stages": [asdict(stage) for stage in stages],
        "cutoff_A": compression.cutoff_A,
        "kspace_accuracy": compression.kspace_accuracy,
        "thermo_stride": compression.record_stride,
        "molecules": _selections(recipe, box, system.atom_types),
        "charges": _charges(recipe),
    }


def _charges(recipe: Recipe) -> dict[str, int]:
    """Return name of each ion → its formal charge [e]."""
    if recipe.salt is None:
        return {}
    ions = {name_of_ion(smiles): smiles for smiles in (recipe.salt.cation, recipe.salt.anion)}
    return {name: int(topology_from_smiles(smiles).formal_charges.sum()) for name, smiles in ions.items()}


def _selections(recipe: Recipe, box: Box, atom_types: np.ndarray) -> dict[str, str]:
    """Return name of each ion and solvent of several atoms → its atoms by type, as MDAnalysis selects them."""
    named = {name: one.smiles for name, one in (recipe.solvents or {}).items()}
    if recipe.salt is not None:
        named |= {name_of_ion(smiles): smiles for smiles in (recipe.salt.cation, recipe.salt.anion)}
    selections = {}
    for name, smiles in named.items():
        molecule = box.topology.names.index(topology_from_smiles(smiles).names[0])
        own = np.unique(atom_types[box.topology.molecules == molecule])
        if np.count_nonzero(box.topology.molecules == molecule) > 1:
            selections[name] = f"type {' '.join(str(number + 1) for number in own.tolist())}"
    return selections


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
