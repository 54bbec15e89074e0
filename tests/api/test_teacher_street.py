"""A crystal street on labels of a teacher, with attacks beside the dynamics, planned."""

import pytest

from aiida_elyte.api.crystal_street import plan_crystal
from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.storage import save_painn
from tests import street


@pytest.fixture
def options(python_code):
    # the labels of the toy street are those of a calculator, which a teacher takes the place of
    overrides = {**street.OVERRIDES, "active_learning": dict(street.OVERRIDES["active_learning"])}
    overrides["active_learning"].pop("label", None)
    overrides["active_learning"]["more_samplers"] = {"attack": {"settings": {"frames_per_replica": 2}}}
    return {
        "charges": street.CHARGES,
        "temperatures_K": [300.0],
        "protocol": "fast",
        "overrides": overrides,
        "codes": {"python": python_code.uuid},
    }


def test_a_teacher_labels_and_attacks_are_sampled(aiida_profile_clean, options, tmp_path):
    save_painn(build_painn({"n_features": 8}, energy_reference=["Cl", "Li"], level_of_theory="PBE"), tmp_path / "t.pt")
    builder = plan_crystal(
        street.salt(), labeller="teacher", teacher=str(tmp_path / "t.pt"), **options
    ).builder.active_learning
    assert builder.label["potential"].family == "painn"
    settings = builder.more_samplers["attack"]["settings"].get_dict()
    assert (settings["frames_per_replica"], settings["n_steps"]) == (2, 20)


def test_a_teacher_is_for_a_labeller_that_labels_with_a_potential(aiida_profile_clean, options):
    with pytest.raises(InputError, match="labeller 'ase' does not label with a potential"):
        plan_crystal(street.salt(), teacher="t.pt", **options)


def test_elements_beyond_the_teacher_are_rejected(aiida_profile_clean, options, tmp_path):
    save_painn(build_painn({"n_features": 8}, energy_reference=["Cl", "Na"]), tmp_path / "t.pt")
    with pytest.raises(InputError, match="potential of the labeller lacks Li"):
        plan_crystal(street.salt(), labeller="teacher", teacher=str(tmp_path / "t.pt"), **options)


def test_invalid_attacks_are_rejected_before_a_job(aiida_profile_clean, options):
    options["overrides"]["active_learning"]["more_samplers"] = {"attack": {"settings": {"n_steps": 0}}}
    with pytest.raises(InputError, match="n_steps is 0; expected a whole number, 1 or more"):
        plan_crystal(street.salt(), **options)
