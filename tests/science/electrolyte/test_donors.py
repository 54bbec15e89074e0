import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.boxes import count_molecules, topology_of_box
from aiida_elyte.science.electrolyte.donors import coordinating_sites, coordinating_types
from aiida_elyte.science.electrolyte.recipe import ANIONS, read_recipe
from aiida_elyte.science.molecules.molecule import match_sites, read_molecule
from aiida_elyte.science.molecules.typing import assign_types
from tests.science.electrolyte.test_solvation import CARBONATES, PEO


@pytest.mark.parametrize(
    ("smiles", "symbols"),
    [
        ("COCCOC", {"O"}),
        ("CC#N", {"N"}),
        (ANIONS["TFSI"], {"O"}),
        (ANIONS["PF6"], {"F"}),
        (ANIONS["BF4"], {"F"}),
        ("[Cl-]", {"Cl"}),
        ("CN(C)C=O", {"O"}),
    ],
)
def test_coordinating_atoms(smiles, symbols):
    molecule = read_molecule(smiles)
    found = match_sites(molecule, coordinating_sites(smiles), smiles)
    assert {molecule.GetAtomWithIdx(atom).GetSymbol() for atom in found} == symbols


def test_a_molecule_without_coordinating_atoms_is_rejected():
    with pytest.raises(InputError, match="no O, N, F"):
        coordinating_sites("CCCC")


@pytest.mark.parametrize("content", [PEO, CARBONATES], ids=["polymer", "liquid"])
def test_coordinating_types_are_those_of_all_sites_in_the_box_and_of_no_other_atom(content):
    recipe = read_recipe({**content, "n_atoms": 3000})
    amounts = count_molecules(recipe)
    topology = topology_of_box(recipe, amounts)
    types = assign_types(topology, 3)
    found = coordinating_types(recipe, 3)
    labels = np.array(types.labels)[types.atoms]
    counts = {
        name: {symbol: int(np.isin(labels, chosen).sum()) for symbol, chosen in by_element.items()}
        for name, by_element in found.items()
    }
    numbers = dict(amounts.molecules)
    if content is PEO:
        # 100 units and the methoxy end of each chain; four oxygens in each TFSI
        assert counts == {"chain": {"O": 101 * amounts.n_chains}, "TFSI": {"O": 4 * numbers[ANIONS["TFSI"]]}}
    else:
        # The carbonyl oxygens alone, which both carbonates type alike; six fluorines
        both = {"O": numbers["C1COC(=O)O1"] + numbers["COC(=O)OC"]}
        assert counts == {"EC": both, "DMC": both, "PF6": {"F": 6 * numbers[ANIONS["PF6"]]}}
