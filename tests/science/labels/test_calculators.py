"""What calculators tell before they run."""

from pathlib import Path

import pytest
from ase.calculators.calculator import get_calculator_class

from aiida_elyte.science.labels.calculators import MODULES, RATES, has_charges, validate_elements


@pytest.mark.parametrize("name", ["emt", "lj", "dftb"])
def test_calculators_of_ase_tell_of_charges(name):
    assert has_charges(name) is ("charges" in get_calculator_class(name).implemented_properties)
    assert has_charges(name) is (name == "dftb")


@pytest.mark.parametrize("name", ["pyscf", "orca", "somewhere:Else", None])
def test_others_do_not_say(name):
    assert has_charges(name) is None


def test_tblite_has_charges_where_it_says_so():
    assert has_charges("tblite") is not False


@pytest.mark.parametrize(("n_atoms", "seconds"), [(8, 0.35), (16, 0.6), (52, 2.7)])
def test_rate_passes_through_the_measurements(n_atoms, seconds):
    assert RATES["tblite"].of(n_atoms) == pytest.approx(seconds, rel=0.4)


def test_elements_beyond_tblite_are_named():
    assert validate_elements("tblite", ["Li", "Rn"]) is None
    assert "lacks Ac, U; expected elements up to Rn" in validate_elements("tblite", ["U", "Li", "Ac"])
    assert validate_elements("emt", ["U"]) is None, "of other calculators no limit is known"


def test_modules_are_those_of_calculators_beyond_ase():
    source = (Path(__file__).parents[3] / "aiida_elyte" / "science" / "labels" / "engines.py").read_text()
    assert all(f'"{name}":' in source for name in MODULES)
