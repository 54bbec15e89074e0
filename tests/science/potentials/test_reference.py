"""Energy references and scale fitted to known answers."""

import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.potentials.reference import fit_energy_reference, fit_scale


def labelled(formula: str, energy: float, force: float = 0.0) -> Atoms:
    frame = Atoms(formula)
    return attach_labels(frame, energy=energy, forces=np.full((len(frame), 3), force))


def test_references_are_found_where_compositions_tell():
    frames = [labelled("Li2O", 2 * -1.5 - 4.0), labelled("LiO", -1.5 - 4.0), labelled("O2", -8.0)]
    assert fit_energy_reference(frames) == pytest.approx({"Li": -1.5, "O": -4.0})


def test_one_composition_is_shared_out_and_still_explained():
    reference = fit_energy_reference([labelled("Li2O", -7.0), labelled("Li2O", -8.0)])
    assert 2 * reference["Li"] + reference["O"] == pytest.approx(-7.5)


def test_scale_is_the_rms_force():
    assert fit_scale([labelled("Li2O", 0.0, 3.0), labelled("LiCl", 0.0, -3.0)]) == pytest.approx(3.0)
    assert fit_scale([labelled("Li", 0.0)]) == 1.0


def test_a_collision_moves_neither_reference_nor_scale():
    ordinary = [labelled("Li", -2.0, 1.0), labelled("Li", -2.0, -1.0)] * 20
    collision = labelled("Li", 300.0, 100.0)
    frames = [*ordinary, collision]
    assert fit_scale(frames) > 15
    # The norm is 173 eV/Å: its square counts as one of 10 eV/Å, 100/3 a component beside 40 of one.
    assert fit_scale(frames, 10.0) == pytest.approx(np.sqrt((40 + 100 / 3) / (40 + (10 / 173.205) ** 2)), rel=1e-4)
    assert fit_energy_reference(frames)["Li"] > 5
    assert fit_energy_reference(frames, large_force_eV_A=10.0)["Li"] == pytest.approx(-2.0, abs=0.03)
    assert fit_energy_reference(ordinary, large_force_eV_A=10.0) == pytest.approx(fit_energy_reference(ordinary))
    assert fit_scale(ordinary, 10.0) == pytest.approx(fit_scale(ordinary))
