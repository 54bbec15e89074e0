import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.polymer import count_sites, make_polymer
from aiida_elyte.science.molecules.topology import charges_of_molecules, topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types


@pytest.mark.parametrize(
    ("unit", "smiles"),
    [
        ("*CCO*", "CCOCCOCCOC"),
        ("*CCOC(=O)O*", "CCOC(=O)OCCOC(=O)OCCOC(=O)OC"),
        ("*CC(COB1OCCO1)O*", "CC(COB1OCCO1)OCC(COB1OCCO1)OCC(COB1OCCO1)OC"),
        ("*CC([N-]S(C)(=O)=O)*", "CC([N-]S(C)(=O)=O)CC([N-]S(C)(=O)=O)CC([N-]S(C)(=O)=O)C"),
    ],
)
def test_a_trimer_has_the_types_and_charge_of_its_smiles(unit, smiles):
    built, read = make_polymer(unit, 3).topology, topology_from_smiles(smiles)
    ours, theirs = assign_types(built), assign_types(read)
    assert sorted(ours.labels[place] for place in ours.atoms) == sorted(theirs.labels[place] for place in theirs.atoms)
    assert sorted(ours.dihedrals.keys) == sorted(theirs.dihedrals.keys)
    np.testing.assert_array_equal(charges_of_molecules(built), charges_of_molecules(read))


def test_methoxy_ends_make_a_hundred_mer_of_709_atoms():
    assert len(make_polymer("*CCO*", 100, head="*OC", tail="*C").topology.elements) == 709


@pytest.mark.parametrize("n_units", [1, 2, 3, 10])
def test_sites_are_those_of_the_whole_chain(n_units):
    # CH3O(CH2CH2O)nCH3: an ether oxygen of each unit and of the head.
    assert count_sites("*CCO*", n_units, "[OX2]([#6])[#6]", "*OC", "*C") == n_units + 1
    # Carbon beside oxygen: two in each unit, and both ends.
    assert count_sites("*CCO*", n_units, "[CX4][OX2]", "*OC", "*C") == 2 * n_units + 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"unit": "CCO"}, "has 0 of"),
        ({"unit": "*CCO"}, "has 1 of"),
        ({"unit": "*CC(*)O*"}, "has 3 of"),
        ({"unit": "*CC(O*"}, "cannot be read"),
        ({"unit": "*=CC*"}, "single bonds"),
        ({"unit": "*CC(C)(C)(C)O*"}, "valence for atom # 2 C, 5, is greater"),
        ({"unit": "*CCO*", "n_units": 0}, "n_units is 0"),
        ({"unit": "*CCO*", "head": "C"}, "head 'C' has 0"),
        ({"unit": "*CC(C)*", "tacticity": "tactic"}, "expected one of isotactic"),
        ({"unit": "*CCO*", "tacticity": "isotactic"}, "no stereocentre"),
        ({"unit": "*C(C)C(C)O*"}, "2 stereocentres"),
    ],
)
def test_bad_polymers_are_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        make_polymer(**{"n_units": 3, **arguments})


def test_sites_that_are_no_smarts_are_refused():
    with pytest.raises(InputError, match=r"site '\[O' of unit"):
        count_sites("*CCO*", 3, "[O")
