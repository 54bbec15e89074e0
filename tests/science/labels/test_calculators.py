"""What calculators tell before they run."""

import pytest
from ase.calculators.calculator import get_calculator_class

from aiida_elyte.science.labels.calculators import has_charges


@pytest.mark.parametrize("name", ["emt", "lj", "dftb"])
def test_calculators_of_ase_tell_of_charges(name):
    assert has_charges(name) is ("charges" in get_calculator_class(name).implemented_properties)
    assert has_charges(name) is (name == "dftb")


@pytest.mark.parametrize("name", ["pyscf", "orca", "somewhere:Else", None])
def test_others_do_not_say(name):
    assert has_charges(name) is None


def test_tblite_has_charges_where_it_says_so():
    assert has_charges("tblite") is not False
