import numpy as np
import pytest

from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.structure.contacts import Contacts
from aiida_elyte.science.structure.pairing import PAIRINGS, count_ligands, pairing_of


def test_shares_are_those_of_a_count_frame_by_frame():
    states = np.random.default_rng(0).random((2000, 3, 5)) < 0.3  # frames, ions, ligands
    found = pairing_of(Contacts.from_states(states, 10.0))
    ions = states.sum(axis=1)  # at each ligand
    truth = dict(zip(PAIRINGS, ((ions == 0).mean(), (ions == 1).mean(), (ions > 1).mean()), strict=True))
    for name, share in truth.items():
        assert found[name].value == pytest.approx(share, abs=1e-12)
    # Each of 3 ions touches with 0.3 by chance: 0.7³ = 0.343, 3 · 0.3 · 0.7² = 0.441
    assert abs(found["separated"].value - 0.343) < 3 * found["separated"].std
    assert abs(found["contact"].value - 0.441) < 3 * found["contact"].std
    assert found["separated"].std == pytest.approx(np.sqrt(0.343 * 0.657 / 10000), rel=0.3)  # 10 000 independent looks


def test_ligands_are_counted_per_ion():
    states = np.random.default_rng(1).random((500, 4, 6)) < 0.2
    found = count_ligands(Contacts.from_states(states, 10.0))
    assert found.value == pytest.approx(states.sum() / (500 * 4), abs=1e-12)


def test_a_constant_share_has_no_error_and_stays_within_one():
    states = np.ones((50, 1, 3), dtype=bool)
    found = pairing_of(Contacts.from_states(states, 10.0))
    assert (found["contact"].value, found["contact"].ci95) == (1.0, (1.0, 1.0))
    assert found["aggregate"].value == 0.0


def test_a_share_that_changes_once_is_refused():
    states = np.zeros((100, 1, 2), dtype=bool)
    states[50:] = True
    found = pairing_of(Contacts.from_states(states, 10.0, ("Li", "TFSI")))
    assert isinstance(found["contact"], Refusal)
    assert "share of TFSI (contact)" in found["contact"].reason


@pytest.mark.parametrize("n_frames", [40, 41])
def test_without_any_contact_all_are_separated(n_frames):
    found = pairing_of(Contacts.from_states(np.zeros((n_frames, 2, 2), dtype=bool), 1.0))
    assert isinstance(found["separated"], Estimate)
    assert found["separated"].value == 1.0
