"""Donors: the atoms of an electrolyte that coordinate its cations."""

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.recipe import Recipe, name_of_ion
from aiida_elyte.science.molecules.molecule import match_sites, read_molecule
from aiida_elyte.science.molecules.polymer import smiles_of_oligomer
from aiida_elyte.science.molecules.topology import topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types

__all__ = ["coordinating_sites", "coordinating_types"]

_SITES = ("[OX1]", "[OX2]", "[NX1]", "[F;$(F~[P,B,Al,Si])]", "[Cl-,Br-,I-]", "[NX3,N-]", "[F,Cl,S]")
"""Coordinating atoms, the best first: carbonyl, sulfonyl, nitrate; ether, water; nitrile; fluoride of PF6⁻, BF4⁻ …"""


def coordinating_sites(smiles: str) -> str:
    """Return SMARTS of the atoms of a molecule that coordinate cations.

    Raises
    ------
    InputError
        If it has no atom that does.
    """
    molecule = read_molecule(smiles)
    for pattern in _SITES:
        if match_sites(molecule, pattern, smiles):
            return pattern
    raise InputError(f"{smiles} has no O, N, F, S or halide that would coordinate a cation; expected one; leave it out")


def coordinating_types(recipe: Recipe, depth: int) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return what coordinates the cations of an electrolyte: names of its molecules → element → labels of atom types.

    The polymer is called ``chain``, the anion as ``name_of_ion`` calls it. Molecules may share types.

    Parameters
    ----------
    recipe
        The electrolyte.
    depth
        Bonds that types look at, as in ``assign_types``.

    Raises
    ------
    InputError
        If a molecule has nothing that coordinates.
    """
    named = {name: one.smiles for name, one in (recipe.solvents or {}).items()}
    if recipe.polymer is not None:
        own = recipe.polymer
        # The middle of so long a chain has its ends out of sight.
        named["chain"] = smiles_of_oligomer(own.unit, min(own.n_units, 2 * depth + 1), own.head, own.tail)
    if recipe.salt is not None:
        named[name_of_ion(recipe.salt.anion)] = recipe.salt.anion
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, smiles in named.items():
        graph = topology_from_smiles(smiles)
        types = assign_types(graph, depth)
        labels: dict[str, set[str]] = {}
        for atom in match_sites(read_molecule(smiles), coordinating_sites(smiles), smiles):
            labels.setdefault(graph.elements[atom], set()).add(types.labels[types.atoms[atom]])
        found[name] = {symbol: tuple(sorted(one)) for symbol, one in labels.items()}
    return found
