"""A loose box of a recipe with its force field: the data file of LAMMPS, and the stages that compress it.

In:  ``settings.json``, ``forcefield.json``. Out: ``system.data``, ``results.json``.

Settings: ``recipe``; ``density_g_cm3`` of the loose box, by default that of ``loose_density``;
``compression``, the settings of ``Compression`` that are not to be its own.
"""

import sys
from dataclasses import asdict
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.electrolyte.box_settings import BoxSettings
from aiida_elyte.science.electrolyte.boxes import Amounts, count_molecules, loose_density, pack_box
from aiida_elyte.science.electrolyte.donors import coordinating_types
from aiida_elyte.science.electrolyte.recipe import Recipe, chain_of, name_of_ion, read_recipe
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.lammps.compression import Compression, compression_stages
from aiida_elyte.science.lammps.export import as_lammps_system
from aiida_elyte.science.lammps.system import data_file
from aiida_elyte.science.molecules.molecule import charge_of
from aiida_elyte.science.molecules.topology import topology_from_smiles
from aiida_elyte.science.molecules.typing import Types, assign_types
from aiida_elyte.science.settings import read_record

__all__ = ["main"]

DATA = "system.data"


def run(job: Job) -> dict[str, Any]:
    """Build the box of a job."""
    settings = read_record(BoxSettings, job.settings, "settings")
    if settings.recipe is None:
        raise InputError("settings lacks recipe; expected the electrolyte; give it")
    recipe = read_recipe(settings.recipe)
    compression = read_record(Compression, settings.compression, "compression")
    force_field = ForceField.from_json((job.folder / "forcefield.json").read_text())
    amounts = count_molecules(recipe)
    box = pack_box(recipe, amounts, settings.density_g_cm3 or loose_density(recipe))
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
        "molecules": _selections(recipe, amounts),
        "solvation": _solvation(recipe, amounts, types, system.atom_types, force_field.depth),
        "charges": _charges(recipe),
    }


def _charges(recipe: Recipe) -> dict[str, int]:
    """Return name of each ion → its formal charge [e]."""
    if recipe.salt is None:
        return {}
    return {_names(recipe)[smiles]: charge_of(smiles) for smiles in (recipe.salt.cation, recipe.salt.anion)}


def _solvation(
    recipe: Recipe, amounts: Amounts, types: Types, atom_types: np.ndarray, depth: int
) -> dict[str, Any] | None:
    """Return the monatomic cation, and name → selection of what coordinates it; ``None`` without such a cation."""
    if recipe.salt is None:
        return None
    elements = topology_from_smiles(recipe.salt.cation).elements
    if len(elements) > 1:
        return None
    number_of = {types.labels[own]: int(number) + 1 for own, number in zip(types.atoms, atom_types, strict=True)}
    residues = _residues(recipe, amounts)
    own = {name: name if name in residues else f"{name} ion" for name in coordinating_types(recipe, depth)}
    sites = {
        f"{symbol} of {name}": f"type {' '.join(str(number_of[label]) for label in labels)} and {residues[own[name]]}"
        for name, by_element in coordinating_types(recipe, depth).items()
        for symbol, labels in by_element.items()
    }
    anion = name_of_ion(recipe.salt.anion)
    return {"centre": elements[0], "sites": sites, "anion": next(one for one in sites if one.endswith(f" of {anion}"))}


def _selections(recipe: Recipe, amounts: Amounts) -> dict[str, str]:
    """Return name of each ion and solvent that is more than all atoms of an element → its molecules for MDAnalysis."""
    residues = _residues(recipe, amounts)
    return {
        name: residues[name]
        for smiles, name in _names(recipe).items()
        if topology_from_smiles(smiles).elements != (name,)
    }


def _residues(recipe: Recipe, amounts: Amounts) -> dict[str, str]:
    """Return name of each molecule → selection of its residues, numbered as the box has them, the chains first."""
    names, selections, last = _names(recipe), {}, amounts.n_chains
    if amounts.n_chains:
        selections["chain"] = f"resid 1:{amounts.n_chains}"
    for smiles, count in amounts.molecules.items():
        selections[names[smiles]] = f"resid {last + 1}:{last + count}"
        last += count
    return selections


def _names(recipe: Recipe) -> dict[str, str]:
    """Return SMILES of each solvent and ion → its name, for an ion of one atom its element if nothing else has it."""
    names = {one.smiles: name for name, one in (recipe.solvents or {}).items()}
    if recipe.salt is not None:
        names |= {smiles: name_of_ion(smiles) for smiles in (recipe.salt.cation, recipe.salt.anion)}
    elsewhere = {smiles: set(topology_from_smiles(smiles).elements) for smiles in names}
    if recipe.polymer is not None:
        elsewhere[recipe.name] = set(chain_of(recipe.polymer).elements)
    for smiles, name in names.items():
        others = set().union(*(found for other, found in elsewhere.items() if other != smiles))
        if elsewhere[smiles] == {name} and name in others:
            names[smiles] = f"{name} ion"
    return names


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
