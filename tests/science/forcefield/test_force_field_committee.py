from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.committee import committee_spreads
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.dataset import group_frames
from aiida_elyte.units import EV_KCAL_MOL
from tests.science.forcefield.labelled_systems import force_field_of, frames_of, random_numbers
from tests.science.forcefield.molecules import MOLECULES


@pytest.fixture(scope="module")
def systems():
    return group_frames(frames_of(MOLECULES["dme"], 2, 1, "DME") + frames_of(MOLECULES["li_dme_tfsi"], 1, 2, "salt"))


def test_spread_is_the_standard_deviation_over_the_members(systems):
    constraints = Constraints(systems)
    members = [force_field_of(constraints, random_numbers(constraints, seed)) for seed in range(3)]
    dme = systems[0]
    found = committee_spreads(members, dme.topology, dme.coordinates.positions)
    assert len(found) == 2
    forces = [each.forces(dme.topology, dme.types, dme.coordinates)[1, 4].numpy() / EV_KCAL_MOL for each in members]
    mean = sum(forces) / 3
    expected = (sum(((force - mean) ** 2).sum() for force in forces) / 2) ** 0.5
    assert found[1].per_atom[4] == pytest.approx(expected, rel=1e-12)


def test_members_that_agree_have_no_spread(systems):
    constraints = Constraints(systems)
    member = force_field_of(constraints, random_numbers(constraints, 1))
    salt = systems[1]
    spread = committee_spreads([member, replace(member)], salt.topology, salt.coordinates.positions)
    np.testing.assert_array_equal(spread[0].per_atom, 0)


def test_one_member_is_no_committee(systems):
    constraints = Constraints(systems)
    member = force_field_of(constraints, random_numbers(constraints, 1))
    with pytest.raises(InputError, match="a committee of 1 has no spread"):
        committee_spreads([member], systems[0].topology, systems[0].coordinates.positions)
