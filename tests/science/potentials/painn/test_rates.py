"""Rates of PaiNN against the runs they were measured in."""

import pytest

from aiida_elyte.science.potentials.painn.rates import painn_rates


@pytest.mark.parametrize(
    ("architecture", "atom_steps_per_s", "n_atoms", "frame_s"),
    [((32, 2), 4500, 50, 0.023), ((64, 3), 2600, 64, 0.054)],
)
def test_rates_pass_through_the_measurements(architecture, atom_steps_per_s, n_atoms, frame_s):
    rates = painn_rates(*architecture)
    assert 1 / rates.seconds_per_atom_step == pytest.approx(atom_steps_per_s)
    assert n_atoms * rates.seconds_per_training_atom == pytest.approx(frame_s)


def test_an_epoch_of_a_set_of_250_frames_takes_what_it_took():
    assert 250 * 64 * painn_rates(64, 3).seconds_per_training_atom == pytest.approx(13.5, abs=1.5)
