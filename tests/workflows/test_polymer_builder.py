"""Builders of the polymer street, and inputs it refuses before anything is submitted."""

import pytest
from ions import RECIPE

from aiida_elyte.errors import InputError
from aiida_elyte.workflows.polymer import PolymerWorkChain

PBE = {"calculator": "pyscf", "parameters": {"xc": "pbe", "basis": "def2-svp"}, "level_of_theory": "PBE/def2-SVP"}


@pytest.fixture
def build(aiida_profile_clean, python_code):
    """Return a function that makes a builder; its codes are never run."""

    def make(recipe=RECIPE, protocol="fast", **overrides):
        codes = {"python": python_code, "engine": python_code}
        return PolymerWorkChain.get_builder_from_protocol(codes, recipe, protocol=protocol, overrides=overrides)

    return make


def learning_with(settings):
    return {"label": {"ase": {"settings": settings}}}


def refusal(builder):
    return str(PolymerWorkChain.spec().inputs.validate(builder._inputs(prune=True)) or "")


def test_another_calculator_takes_nothing_of_the_old_one(build):
    builder = build(learning=learning_with(PBE))
    for labels in (builder.label, builder.learning.label):
        settings = labels["ase"]["settings"].get_dict()
        assert {key: settings[key] for key in PBE} == PBE
        assert settings["properties"] == ["energy", "forces", "charges"]
    assert builder.label["ase"]["settings"]["relax"]["fmax_eV_A"] == 0.2
    assert refusal(builder) == ""


def test_same_calculator_keeps_what_is_not_changed(build):
    builder = build(learning=learning_with({"parameters": {"accuracy": 0.01}}))
    parameters = builder.learning.label["ase"]["settings"]["parameters"]
    assert (parameters["method"], parameters["accuracy"]) == ("GFN2-xTB", 0.01)


def test_a_calculator_without_level_of_theory_is_refused(build):
    with pytest.raises(InputError, match="calculator 'emt' has no level_of_theory"):
        build(learning=learning_with({"calculator": "emt"}))


def test_first_and_later_labels_are_of_one_level(build):
    with pytest.raises((InputError, ValueError), match="expected one; name the calculator in learning.label alone"):
        refused = refusal(build(label={"ase": {"settings": PBE}}))
        raise InputError(refused)
