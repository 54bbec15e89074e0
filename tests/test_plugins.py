import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load, names


def test_built_in_labellers_come_in_by_the_door():
    assert {"ase", "qe"} <= set(names("labellers"))
    assert load("labellers", "ase").__name__ == "AseLabelWorkChain"


def test_built_in_terms_come_in_by_the_door():
    assert {"angle", "bond", "coulomb", "dihedral", "improper", "lennard_jones_96"} <= set(names("terms"))
    assert load("terms", "dihedral").rows == "dihedrals"


def test_unknown_name_is_told_what_comes_close():
    with pytest.raises(InputError, match=r"trainers? 'pain' is unknown.*did you mean painn"):
        load("trainers", "pain")


def test_unknown_name_in_other_case_is_told_what_comes_close():
    with pytest.raises(InputError, match=r"labeller 'QE' is unknown.*did you mean qe"):
        load("labellers", "QE")


def test_unknown_name_with_nothing_close_lists_all():
    with pytest.raises(InputError, match="installed are ase, qe"):
        load("labellers", "xxxxxxxx")
