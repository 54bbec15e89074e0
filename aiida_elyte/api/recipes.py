"""What the box of a recipe is made of, in words and for machines."""

from typing import TYPE_CHECKING, Any

from aiida_elyte.science.electrolyte.boxes import MOST_MOLALITY_OF_SITES

if TYPE_CHECKING:
    from aiida_elyte.science.electrolyte.boxes import Amounts
    from aiida_elyte.science.electrolyte.recipe import Recipe

__all__ = ["recipe_lines", "recipe_summary", "recipe_warnings"]


def recipe_lines(recipe: "Recipe", amounts: "Amounts") -> list[str]:
    """Return name, molecules, atoms, ratio and molality, with what was asked for."""
    counts = [f"{amounts.n_chains} chains of {recipe.polymer.n_units} units"] if recipe.polymer is not None else []
    counts += [f"{number} {smiles}" for smiles, number in amounts.molecules.items()]
    lines = [f"{recipe.name}: {', '.join(counts)}: {amounts.n_atoms} atoms, {recipe.n_atoms} asked for"]
    if recipe.salt is not None:
        asked = "" if recipe.salt.ratio is None else f", {recipe.salt.ratio:g} asked for"
        if amounts.ratio is not None:
            lines.append(f"cations per site {amounts.ratio:.4f}{asked} ({amounts.n_sites} sites)")
        asked = "" if recipe.salt.molality_mol_kg is None else f", {recipe.salt.molality_mol_kg:g} asked for"
        lines.append(f"molality {amounts.molality_mol_kg:.4f} mol/kg{asked}")
    return lines


def recipe_summary(recipe: "Recipe", amounts: "Amounts") -> dict[str, Any]:
    """Return what ``recipe_lines`` says, for machines."""
    return {
        "name": recipe.name,
        "n_chains": amounts.n_chains,
        "n_units": recipe.polymer.n_units if recipe.polymer is not None else None,
        "molecules": dict(amounts.molecules),
        "n_atoms": amounts.n_atoms,
        "n_atoms_asked": recipe.n_atoms,
        "n_sites": amounts.n_sites,
        "ratio": amounts.ratio,
        "molality_mol_kg": amounts.molality_mol_kg,
    }


def recipe_warnings(recipe: "Recipe", amounts: "Amounts") -> list[str]:
    """Return in sentences what is likely not meant: a box of another size, more salt than polymers take."""
    found = []
    if amounts.misses(recipe.n_atoms):
        unit = "whole chains with their salt" if recipe.polymer is not None else "whole molecules"
        found.append(
            f"the box has {amounts.n_atoms} atoms, n_atoms is {recipe.n_atoms}: {unit} come no nearer; raise n_atoms, "
            "or make chains shorter by n_units"
        )
    molality = amounts.molality_mol_kg or 0.0
    if molality > MOST_MOLALITY_OF_SITES:
        found.append(
            f"molality is {molality:.4g} mol/kg, more than ethers, esters and polymers in salt take "
            f"({MOST_MOLALITY_OF_SITES:g}); see that molality_mol_kg is in mol/kg of polymer and solvent"
        )
    return found
