import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import total_charge_of
from aiida_elyte.science.labels.state import StatefulCalculator, find_multiplicity


class Charged(EMT):
    """Takes charge and multiplicity, and does nothing with them."""

    default_parameters = {**EMT.default_parameters, "charge": None, "multiplicity": None}


def told(frame, **given):
    atoms = StatefulCalculator(Charged(**given), "charged").attach(frame)
    return atoms.calc.parameters["charge"], atoms.calc.parameters["multiplicity"]


@pytest.mark.parametrize(
    ("symbols", "charge", "given", "multiplicity"),
    [
        ("Li", 1, None, 1),
        ("Li", 0, None, 2),
        ("Li", None, 2, 2),
        ("O2", None, None, 1),
        ("O2", 0, 3, 3),
        ("H", -1, None, 1),
    ],
)
def test_multiplicity_is_the_least_possible_or_the_one_given(symbols, charge, given, multiplicity):
    assert find_multiplicity(Atoms(symbols).numbers, charge, given) == multiplicity


@pytest.mark.parametrize(
    ("symbols", "charge", "given", "words"),
    [
        ("Li", None, None, "3 electrons, an odd number, and tells no charge"),
        ("Li", 1, 2, "multiplicity is 2 of 2 electrons; expected an odd number"),
        ("Li", 0, 1, "multiplicity is 1 of 3 electrons; expected an even number"),
        ("Li", 0, 0, "expected an even number"),
    ],
)
def test_impossible_multiplicities_are_refused(symbols, charge, given, words):
    with pytest.raises(InputError, match=words):
        find_multiplicity(Atoms(symbols).numbers, charge, given)


def test_each_frame_is_told_its_own_charge_and_the_next_forgets_it():
    engine = StatefulCalculator(Charged(), "charged")
    for info, expected in (
        ({"charge": 1}, (1, 1)),
        ({"total_charge": 0}, (0, 2)),
        ({"charge": -1, "multiplicity": 3}, (-1, 3)),
    ):
        atoms = engine.attach(Atoms("Li", info=info))
        assert (atoms.calc.parameters["charge"], atoms.calc.parameters["multiplicity"]) == expected
    assert told(molecule("H2O")) == (None, 1)
    assert told(bulk("Cu")) == (None, None)


def test_parameters_hold_for_frames_that_tell_nothing():
    assert told(Atoms("Li"), charge=1) == (1, 1)
    assert told(Atoms("Li"), multiplicity=2) == (None, 2)
    assert told(Atoms("Li", info={"charge": 0}), charge=1) == (0, 2)
    assert told(bulk("Cu"), charge=1) == (1, 1)


def test_calculator_without_charge_refuses_ions_and_takes_the_rest():
    engine = StatefulCalculator(EMT(), "emt")
    with pytest.raises(InputError, match=r"total charge is \+1, and emt takes none"):
        engine.attach(Atoms("Li", info={"charge": 1}))
    with pytest.raises(InputError, match="multiplicity is 3, and emt takes none"):
        engine.attach(Atoms("O2", info={"multiplicity": 3}))
    assert engine.attach(Atoms("Cu", info={"charge": 0})).get_potential_energy() == pytest.approx(3.51, abs=0.01)


def test_total_charge_has_two_names_and_one_value():
    assert total_charge_of(Atoms("Li", info={"charge": 1, "total_charge": 1.0})) == 1
    assert total_charge_of(Atoms("Li", info={"charge": np.int64(-2)})) == -2
    assert total_charge_of(Atoms("Li")) is None
    with pytest.raises(InputError, match="has the total charge 0 and 1"):
        total_charge_of(Atoms("Li", info={"charge": 1, "total_charge": 0}))
    with pytest.raises(InputError, match=r"has the total charge 0\.5"):
        total_charge_of(Atoms("Li", info={"charge": 0.5}))
