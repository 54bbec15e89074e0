"""Boxes from recipes: the numbers of chains, molecules and ions, and their loose packing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.liquids import pack_liquid
from aiida_elyte.science.electrolyte.packing import PackedBox, pack
from aiida_elyte.science.electrolyte.recipe import PolymerChains, Recipe, Salt, chain_of, name_of_ion
from aiida_elyte.science.molecules.molecule import charge_of, match_sites, read_molecule
from aiida_elyte.science.molecules.polymer import count_sites, make_polymer
from aiida_elyte.science.molecules.topology import Topology, charges_of_molecules, join, topology_from_smiles

__all__ = [
    "MOST_MOLALITY_OF_SITES",
    "Amounts",
    "box_recipe",
    "count_molecules",
    "enlarge",
    "loose_density",
    "one_of_each",
    "pack_box",
    "seed_of_box",
    "topology_of_box",
]

_SIZE = 0.25
"""Part of the atoms asked for by which a box may miss them [1]."""
_MOST_RATIO = 2.0
"""Cations a site of a polymer or solvent can be given [1]; polymers in salt reach 1.9 to a carbonate unit."""
MOST_MOLALITY_OF_SITES = 30.0
"""Salt that ethers, esters and polymers in salt can take [mol/kg]."""
_MOST_MOLALITY = 60.0
"""Salt that any solvent can take [mol/kg]; a melted monohydrate has 55.5."""
_LARGEST = 8
"""A box may get this many times larger than asked for, until each molecule of the recipe is in it."""


@dataclass(frozen=True)
class Amounts:
    """Numbers of a box, and what they really make."""

    n_chains: int
    """Chains."""
    molecules: Mapping[str, int]
    """SMILES of each molecule or ion → its number."""
    n_atoms: int
    """Atoms."""
    n_sites: int
    """Coordinating sites."""
    ratio: float | None
    """Cations per coordinating site [1]; ``None`` without salt or site."""
    molality_mol_kg: float | None
    """Formula units of salt per mass of polymer and solvent [mol/kg]; ``None`` without salt."""

    def misses(self, n_atoms: int) -> bool:
        """Tell whether the box is of another size than asked for, as a chain and its salt may have more atoms."""
        return abs(self.n_atoms - n_atoms) > _SIZE * n_atoms


def count_molecules(recipe: Recipe) -> Amounts:
    """Decide the numbers of chains, molecules and ions: those nearest to ``n_atoms``.

    Raises
    ------
    InputError
        If the ratio or molality gives no salt or more than can be dissolved, or the box would not be neutral.
    """
    solvents = recipe.solvents or {}
    if recipe.polymer is None:
        per_part = _count(recipe, 0, 1000.0)
        scale = 1000.0 * recipe.n_atoms / per_part.n_atoms
        amounts = _count(recipe, 0, scale)
    else:
        units = recipe.polymer.n_units / recipe.polymer.parts
        many = _count(recipe, 1000, 1000 * units)
        exact = max(1.0, 1000 * recipe.n_atoms / many.n_atoms)
        choices = [_count(recipe, n, n * units) for n in sorted({math.floor(exact), math.ceil(exact)})]
        amounts = min(choices, key=lambda choice: abs(choice.n_atoms - recipe.n_atoms))
    if recipe.salt is not None:
        _check_salt(recipe, recipe.salt, amounts)
    lacking = [name for name, solvent in solvents.items() if not amounts.molecules.get(solvent.smiles)]
    if lacking:
        raise InputError(
            f"n_atoms is {recipe.n_atoms}, too few for one molecule of {lacking[0]}; expected a larger box; raise it"
        )
    if recipe.salt is not None and not amounts.molecules.get(recipe.salt.cation):
        raise InputError(_tell_no_salt(recipe.salt, amounts))
    _check_neutral(recipe, amounts)
    return amounts


def box_recipe(recipe: Recipe, n_atoms: int, n_units: int, seed: int) -> Recipe:
    """Return the recipe of a small box of a system.

    Parameters
    ----------
    recipe
        The system.
    n_atoms
        Atoms wanted; there are more, up to eight times as many, where one molecule of each kind asks for it.
    n_units
        Repeat units of a chain, unless the recipe has fewer.
    seed
        Seed of the box.

    Raises
    ------
    InputError
        If it cannot be made of so many.
    """
    polymer = recipe.polymer and replace(recipe.polymer, n_units=min(recipe.polymer.n_units, n_units))
    return enlarge(replace(recipe, polymer=polymer, n_atoms=n_atoms, seed=seed), _LARGEST * n_atoms)


def enlarge(recipe: Recipe, largest: int) -> Recipe:
    """Return the recipe with the least ``n_atoms``, up to ``largest``, of which it can be made.

    Raises
    ------
    InputError
        If it cannot be made of so many.
    """
    while True:
        try:
            count_molecules(recipe)
        except InputError:
            if recipe.n_atoms >= largest:
                raise
            recipe = replace(recipe, n_atoms=min(largest, math.ceil(1.25 * recipe.n_atoms)))
        else:
            return recipe


def loose_density(recipe: Recipe) -> float:
    """Return the density a box begins with [g/cm³]: chains need room to grow, a liquid is packed near its own."""
    return 0.8 if recipe.polymer is None else 0.2


def seed_of_box(seed: int, number: int) -> int:
    """Return the seed of one of several boxes of a recipe with a seed; recipes of neighbouring seeds share none."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) % (2**31 - 2) + 1


def one_of_each(recipe: Recipe) -> Topology:
    """Return the graph of one molecule of each kind: what a force field needs to know."""
    graphs = [] if recipe.polymer is None else [chain_of(recipe.polymer)]
    smiles = [solvent.smiles for solvent in (recipe.solvents or {}).values()]
    smiles += [] if recipe.salt is None else [recipe.salt.cation, recipe.salt.anion]
    return join([*graphs, *map(topology_from_smiles, smiles)])


def topology_of_box(recipe: Recipe, amounts: Amounts) -> Topology:
    """Return the graph of the box that ``pack_box`` packs."""
    kinds = [] if recipe.polymer is None else [(chain_of(recipe.polymer), amounts.n_chains)]
    kinds += [(topology_from_smiles(smiles), number) for smiles, number in amounts.molecules.items()]
    return join([graph for graph, _ in kinds], [number for _, number in kinds])


def pack_box(recipe: Recipe, amounts: Amounts, density_g_cm3: float) -> PackedBox:
    """Pack the loose box: chains grow, a liquid without chains is packed by Packmol.

    Raises
    ------
    InputError
        If no place is found, or Packmol is needed and missing.
    """
    if recipe.polymer is None:
        return pack_liquid(amounts.molecules, density_g_cm3, recipe.seed)
    chain = make_polymer(
        recipe.polymer.unit,
        recipe.polymer.n_units,
        recipe.polymer.head,
        recipe.polymer.tail,
        recipe.polymer.tacticity,
        name=recipe.name,
        seed=recipe.seed,
    )
    rng = np.random.default_rng(recipe.seed)
    return pack({recipe.name: (chain, amounts.n_chains)}, amounts.molecules, density_g_cm3, rng)


def _count(recipe: Recipe, n_chains: int, scale: float) -> Amounts:
    """Return the amounts of a number of chains with ``scale`` times the parts of the solvents."""
    numbers = {solvent.smiles: round(scale * solvent.parts) for solvent in (recipe.solvents or {}).values()}
    n_atoms, mass = 0, 0.0
    if recipe.polymer is not None:
        chain = chain_of(recipe.polymer)
        n_atoms, mass = n_chains * len(chain.elements), n_chains * _mass(chain)
    for smiles, number in numbers.items():
        molecule = topology_from_smiles(smiles)
        n_atoms, mass = n_atoms + number * len(molecule.elements), mass + number * _mass(molecule)
    salt = recipe.salt
    if salt is None:
        return Amounts(n_chains, numbers, n_atoms, 0, None, None)
    n_sites = _count_sites(recipe, salt.sites, n_chains, numbers)
    n_cations, n_anions = salt.formula
    n_salt = round(
        mass / 1000 * (salt.molality_mol_kg or 0) if salt.ratio is None else salt.ratio * n_sites / n_cations
    )
    for smiles, number in ((salt.cation, n_cations), (salt.anion, n_anions)):
        numbers[smiles] = n_salt * number
        n_atoms += n_salt * number * len(topology_from_smiles(smiles).elements)
    ratio = n_salt * n_cations / n_sites if n_sites else None
    molality = 1000 * n_salt / mass if mass else None
    return Amounts(n_chains, numbers, n_atoms, n_sites, ratio, molality)


def _count_sites(recipe: Recipe, pattern: str, n_chains: int, numbers: Mapping[str, int]) -> int:
    if recipe.polymer is not None:
        return n_chains * _chain_sites(recipe.polymer, pattern)
    return sum(number * len(match_sites(read_molecule(one), pattern, one)) for one, number in numbers.items())


@cache
def _chain_sites(polymer: PolymerChains, pattern: str) -> int:
    return count_sites(polymer.unit, polymer.n_units, pattern, polymer.head, polymer.tail)


def _mass(topology: Topology) -> float:
    return float(atomic_masses[[atomic_numbers[symbol] for symbol in topology.elements]].sum())


def _check_salt(recipe: Recipe, salt: Salt, amounts: Amounts) -> None:
    """Reject more salt than can be dissolved: most often the sites to a cation, as papers give them, for the ratio."""
    molality = amounts.molality_mol_kg or 0.0
    made = (
        f"{amounts.molecules.get(salt.cation, 0)} cations on {amounts.n_sites} sites, {molality:.4g} mol/kg, "
        f"{amounts.n_atoms} atoms where n_atoms is {recipe.n_atoms}"
    )
    if salt.ratio is not None and (salt.ratio > _MOST_RATIO or (salt.ratio > 1 and molality > MOST_MOLALITY_OF_SITES)):
        ion = name_of_ion(salt.cation)
        raise InputError(
            f"ratio of salt is {salt.ratio:g}, which makes {made}; expected {ion} per site, below 1; for sites:{ion} "
            f"(O:{ion}) = {salt.ratio:g} give ratio: {1 / salt.ratio:.3g}"
        )
    if salt.ratio is None and molality > _MOST_MOLALITY:
        raise InputError(
            f"molality_mol_kg of salt is {salt.molality_mol_kg:g}, which makes {made}; expected at most "
            f"{_MOST_MOLALITY:g} mol of salt per kg of polymer and solvent; give it in mol/kg"
        )


def _tell_no_salt(salt: Salt, amounts: Amounts) -> str:
    if salt.ratio is None:
        return (
            f"molality_mol_kg {salt.molality_mol_kg:g} gives no salt in {amounts.n_atoms} atoms; expected at least "
            "one; raise it or n_atoms"
        )
    return (
        f"ratio {salt.ratio:g} with {amounts.n_sites} sites {salt.sites} gives {salt.ratio * amounts.n_sites:.2g} "
        "cations, rounded to no salt; expected at least one; raise it or n_atoms, or name other sites"
    )


def _check_neutral(recipe: Recipe, amounts: Amounts) -> None:
    charges = {smiles: number * charge_of(smiles) for smiles, number in amounts.molecules.items()}
    if recipe.polymer is not None:
        chain = chain_of(recipe.polymer)
        charges[recipe.polymer.unit] = amounts.n_chains * int(charges_of_molecules(chain).sum())
    total = sum(charges.values())
    if total:
        parts = ", ".join(f"{charge:+d} of {name}" for name, charge in charges.items() if charge)
        raise InputError(
            f"charge of the recipe is {total:+d} ({parts}); expected a neutral box; give ions as a salt, and units "
            "without charge"
        )
