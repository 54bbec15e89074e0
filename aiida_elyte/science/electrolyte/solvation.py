"""The clusters an electrolyte is learned from: its ions among short chains and solvent, in every arrangement."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest

from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.clusters import KINDS, ClusterRecipe, Ingredient, make_clusters
from aiida_elyte.science.electrolyte.donors import coordinating_sites
from aiida_elyte.science.electrolyte.recipe import PolymerChains, Recipe, Salt, name_of_ion
from aiida_elyte.science.molecules.polymer import smiles_of_oligomer
from aiida_elyte.science.molecules.topology import topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.science.settings import Count, Settings, Whole

__all__ = [
    "Solvation",
    "check_solvation",
    "make_solvation_clusters",
    "short_chain",
]


@dataclass(frozen=True)
class Solvation(Settings):
    """How many clusters of each arrangement are made, and of what."""

    complex: Whole = 6
    """Clusters of a cation in solvent."""
    contact: Whole = 6
    """Clusters of a contact pair in solvent."""
    separated: Whole = 6
    """Clusters of a solvent-separated pair."""
    aggregate: Whole = 6
    """Clusters of three ions, two cations and an anion or one and two in turn."""
    n_units: Count = 4
    """Least repeat units of the chain that stands for a polymer; see ``short_chain``."""
    depth: Count = 3
    """Bonds that atom types look at."""
    n_solvent: Count = 1
    """Solvent molecules or short chains in a cluster."""
    seed: Whole = 0
    """Seed of conformers and placement."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not any(getattr(self, kind) for kind in KINDS):
            raise InputError(f"clusters asks for none; expected a number above zero for one of {', '.join(KINDS)}")


def short_chain(polymer: PolymerChains, n_units: int, depth: int) -> int:
    """Return the repeat units of the shortest chain with every type of atoms, bonds, angles … of the long one.

    Parameters
    ----------
    polymer
        The polymer.
    n_units
        Least units of the short chain; the polymer's own where those are fewer.
    depth
        Bonds that types look at.
    """

    def types_of(number: int) -> set[tuple[str, ...]]:
        chain = topology_from_smiles(smiles_of_oligomer(polymer.unit, number, polymer.head, polymer.tail))
        types = assign_types(chain, depth)
        return {key for kind in ("bonds", "angles", "dihedrals", "impropers") for key in getattr(types, kind).keys}

    longest = min(polymer.n_units, max(n_units, 2 * depth + 6))
    wanted = types_of(longest)
    return next(number for number in range(min(n_units, longest), longest + 1) if wanted <= types_of(number))


def check_solvation(recipe: Recipe) -> Salt:
    """Return the salt of an electrolyte, once it is known that clusters can be made of it.

    Raises
    ------
    InputError
        If the recipe has no salt, its cation has several atoms, or a molecule nothing that coordinates.
    """
    if recipe.salt is None:
        raise InputError("recipe has no salt; expected one, whose ions are the centres of clusters; add `salt:`")
    n_atoms = len(topology_from_smiles(recipe.salt.cation).elements)
    if n_atoms > 1:
        raise InputError(
            f"cation of salt has {n_atoms} atoms; expected one, about which clusters are made; give labelled clusters "
            "or a force field instead"
        )
    for smiles in [recipe.salt.anion, *(one.smiles for one in (recipe.solvents or {}).values())]:
        coordinating_sites(smiles)
    if recipe.polymer is not None:
        own = recipe.polymer
        coordinating_sites(smiles_of_oligomer(own.unit, 1, own.head, own.tail))
    return recipe.salt


def make_solvation_clusters(recipe: Recipe, settings: Solvation) -> list[Atoms]:
    """Make the clusters of an electrolyte: each arrangement with each solvent in turn.

    Parameters
    ----------
    recipe
        The electrolyte, with a salt.
    settings
        What to make of it.

    Returns
    -------
    list of ase.Atoms
        Clusters as of ``make_clusters``, arrangements in turn: any first part of the list has all of them.

    Raises
    ------
    InputError
        As of ``check_solvation``, or if a cluster has no room.
    """
    salt = check_solvation(recipe)
    solvents = {name: one.smiles for name, one in (recipe.solvents or {}).items()}
    if recipe.polymer is not None:
        own = recipe.polymer
        solvents["chain"] = smiles_of_oligomer(
            own.unit, short_chain(own, settings.n_units, settings.depth), own.head, own.tail
        )
    cation = Ingredient(name_of_ion(salt.cation), salt.cation, 1)
    anion = Ingredient(name_of_ion(salt.anion), salt.anion, 1, (coordinating_sites(salt.anion),), (1.8, 2.4))
    made: list[list[Atoms]] = []
    for place, (name, smiles) in enumerate(solvents.items()):
        solvent = Ingredient(name, smiles, settings.n_solvent, (coordinating_sites(smiles),), (1.8, 2.4))
        for kind in KINDS:
            count = getattr(settings, kind)
            share = count // len(solvents) + (place < count % len(solvents))
            for ions, number in _ions(kind, share, cation, anion).items():
                if number:
                    made.append(make_clusters(ClusterRecipe(kind, (*ions, solvent), settings.seed), number)[0])
    return [cluster for cluster in chain.from_iterable(zip_longest(*made)) if cluster is not None]


def _ions(kind: str, count: int, cation: Ingredient, anion: Ingredient) -> Mapping[tuple[Ingredient, ...], int]:
    if kind == "complex":
        return {(cation,): count}
    if kind != "aggregate":
        return {(cation, anion): count}
    return {(_two(cation), anion): count - count // 2, (cation, _two(anion)): count // 2}


def _two(ion: Ingredient) -> Ingredient:
    return Ingredient(ion.name, ion.smiles, 2, ion.sites, ion.range_A)
