"""Calculators by name."""

import pytest
from ase.calculators.emt import EMT

from aiida_elyte.errors import EngineMissingError, InputError
from aiida_elyte.science.labels.engines import build_calculator, charge_method_of


def test_a_calculator_is_found_by_its_name_or_its_place():
    assert isinstance(build_calculator("emt", {}), EMT)
    assert isinstance(build_calculator("ase.calculators.emt:EMT", {}), EMT)


@pytest.mark.parametrize("name", ["nope:X", "ase.calculators.emt:Nothing"])
def test_what_cannot_be_imported_is_an_engine_that_is_missing(name):
    with pytest.raises(EngineMissingError, match=f"{name!r} cannot be imported"):
        build_calculator(name, {})


def test_a_parameter_that_would_be_ignored_is_rejected():
    with pytest.raises(InputError, match="calculator 'lj' has no parameter 'sigmma'; expected some of"):
        build_calculator("lj", {"sigmma": 2.0})


def test_charges_are_called_what_the_calculator_calls_them():
    calculator = EMT()
    assert charge_method_of("emt", calculator) == "as emt has them"
    calculator.charge_method = "Bader"
    assert charge_method_of("emt", calculator) == "Bader"
