"""Fits of class-2 parameters to forces and energies."""

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.dataset import group_frames
from aiida_elyte.science.forcefield.fit import evaluate_forces, fit_discrete
from aiida_elyte.science.forcefield.fit_settings import Target
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.lammps.export import as_lammps_system
from aiida_elyte.science.molecules.topology import topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types
from tests.science.forcefield.labelled_systems import (
    WATER,
    force_field_of,
    frames_of,
    random_numbers,
    relabelled,
    with_energies,
)
from tests.science.forcefield.molecules import MOLECULES
from tests.science.lammps.lammps_oracle import ask_lammps


@pytest.mark.parametrize("terms", ["class2", "class1"])
def test_fit_recovers_the_forces_of_the_model_that_made_them(terms):
    systems = group_frames(frames_of(WATER, 12, 1, "water") + frames_of(MOLECULES["dme"], 24, 2, "DME"))
    constraints = Constraints(systems, terms)
    truth = force_field_of(constraints, random_numbers(constraints, 3))
    found = fit_discrete(relabelled(systems, truth), target=Target(terms=terms, model_error=1e-5), n_steps=100)
    unseen = relabelled(group_frames(frames_of(WATER, 2, 8, "water") + frames_of(MOLECULES["dme"], 2, 9, "DME")), truth)
    assert evaluate_forces(found, unseen)["overall"]["force_rmse_kcal_mol_A"] < 1e-6


def test_fit_recovers_every_parameter_of_water():
    systems = group_frames(frames_of(WATER, 20, 1, "water"))
    constraints = Constraints(systems)
    truth = force_field_of(constraints, random_numbers(constraints, 5))
    found = fit_discrete(relabelled(systems, truth), target=Target(model_error=1e-6), n_steps=100)
    for kind in ("bonds", "angles"):  # there are no pairs, dihedrals and impropers
        np.testing.assert_allclose(found.parameters[kind], truth.parameters[kind], rtol=1e-5)
    undetermined = found.record["errors"]["undetermined"]
    assert {name.split()[0] for name in undetermined} == {"atoms"}
    assert len(undetermined) == 2 * 3  # q, ε and σ of O and H


def test_file_is_read_back_exactly(systems):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 2), record={"data": {"seed": 1}})
    again = ForceField.from_json(force_field.to_json())
    assert again.to_json() == force_field.to_json()
    assert again.keys == force_field.keys
    for kind, values in force_field.parameters.items():
        np.testing.assert_array_equal(again.parameters[kind], values)


def test_a_drawn_fit_and_a_held_back_one_end(systems):
    constraints = Constraints(systems)
    truth = force_field_of(constraints, random_numbers(constraints, 3))
    labelled = relabelled(systems, truth)
    steps = []
    found = fit_discrete(
        labelled, labelled, Target(model_error=1.0), bootstrap=np.random.default_rng(1), on_step=steps.append, n_steps=4
    )
    assert [step.number for step in steps] == list(range(len(steps)))
    errors = [step.validation_rmse for step in steps]
    assert found.record["errors"]["validation_rmse_kcal_mol_A"] == min(errors) < errors[0] / 2
    resumed = fit_discrete(labelled, labelled, Target(model_error=1.0), start=found, n_steps=0)
    assert resumed.record["errors"]["validation_rmse_kcal_mol_A"] == pytest.approx(min(errors), rel=1e-9)


@pytest.mark.engine("lmp")
def test_lammps_finds_the_forces_of_the_model(systems, tmp_path):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 2))
    for system in systems:
        positions = system.coordinates.positions[0].numpy()
        exported = as_lammps_system(force_field, system.topology, system.types, positions)
        _, found = ask_lammps(exported, tmp_path)
        expected = force_field.forces(system.topology, system.types, system.coordinates)[0].numpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_labels_without_charges_are_refused():
    frames = frames_of(WATER, 2, 1, "water")
    for frame in frames:
        del frame.arrays["dft_charge"]
    with pytest.raises(InputError, match="water has no charges; expected those of its atoms"):
        fit_discrete(group_frames(frames))


def test_molecules_of_other_types_are_refused(systems):
    constraints = Constraints(systems)
    force_field = force_field_of(constraints, random_numbers(constraints, 2))
    water = topology_from_smiles("O")
    with pytest.raises(InputError, match="force field lacks 2 of 2 types of atoms"):
        force_field.interactions(water, assign_types(water))


@pytest.mark.parametrize("text", ["", "[]", '{"format": "other"}'])
def test_text_that_is_no_force_field_is_refused(text):
    with pytest.raises(InputError, match="force field is"):
        ForceField.from_json(text)


def test_energies_alone_determine_a_spring():
    """Labels with no forces to speak of: energies about their mean give r0 and k2 of water's bonds."""
    systems = group_frames(frames_of(WATER, 40, 1, "water"))
    constraints = Constraints(systems, "class1")
    truth = force_field_of(constraints, random_numbers(constraints, 5))
    labelled = with_energies(systems, truth, -1000.0)
    found = fit_discrete(labelled, target=Target(terms="class1", model_error=1e5, energy_error=1e-5), n_steps=60)
    np.testing.assert_allclose(found.parameters["bonds"][:, :2], truth.parameters["bonds"][:, :2], rtol=1e-4)
    errors = evaluate_forces(found, labelled)["systems"]["water"]
    assert errors["energy_rmse_kcal_mol"] < 1e-3
    without = fit_discrete(labelled, target=Target(terms="class1", model_error=1e5), n_steps=60)
    assert evaluate_forces(without, labelled)["systems"]["water"]["energy_rmse_kcal_mol"] > 0.1


def test_energies_are_read_in_kcal_mol_and_wanted_where_they_are_fitted():
    frames = frames_of(WATER, 3, 1, "water")
    with pytest.raises(InputError, match="water has no energies; expected one a frame"):
        fit_discrete(group_frames(frames), target=Target(energy_error=1.0))
    for number, frame in enumerate(frames):
        frame.calc = SinglePointCalculator(frame, forces=np.zeros((3, 3)), energy=-2.0 - number)
    (system,) = group_frames(frames)
    np.testing.assert_allclose(system.energies, 23.060548 * np.array([-2.0, -3.0, -4.0]), rtol=1e-7)
    with pytest.raises(InputError, match="energy_error is 0"):
        Target(energy_error=0.0)
