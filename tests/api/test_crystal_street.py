"""The crystal street as a library: planned and priced before anything is submitted."""

import pytest
import yaml
from aiida import orm

import aiida_elyte as elyte
from aiida_elyte.api.crystal_street import check_crystal, plan_crystal
from aiida_elyte.api.runs import key_of
from aiida_elyte.errors import InputError
from tests import street
from tests.interpreter import run_python


@pytest.fixture
def toy(python_code):
    """Options of the toy street."""
    return {
        "charges": street.CHARGES,
        "temperatures_K": [300.0],
        "protocol": "fast",
        "overrides": street.OVERRIDES,
        "codes": {"python": python_code.uuid},
    }


def test_a_dry_run_counts_labels_and_steps_and_stores_no_process(aiida_profile_clean, toy):
    found = elyte.launch_crystal(street.salt(), dry_run=True, **toy)
    assert found.pk is None
    # 6 rattled cells and 3 labels of the round; 2 replicas of 60 steps after a ramp of 20, then 2 of 200 after 20;
    # between them a qualification: 2 replicas of 60 steps, and of 40 at constant energy, each after a ramp of 20
    assert found.cost.labels == 6 + 3
    assert found.cost.md_steps == 2 * (60 + 20) + 2 * (60 + 20) + 2 * (40 + 20) + 2 * (200 + 20)
    assert found.warnings == ()
    assert found.describe()["structure"]["formula"] == "Li4Cl4"
    assert orm.QueryBuilder().append(orm.ProcessNode).count() == 0


def test_files_and_mappings_ask_for_the_same_run_as_the_crystal_itself(aiida_profile_clean, toy, tmp_path):
    path, overrides = tmp_path / "salt.extxyz", tmp_path / "toy.yaml"
    street.salt().write(path)
    overrides.write_text(yaml.safe_dump(street.OVERRIDES))
    key = key_of(plan_crystal(street.salt(), **toy).builder)
    assert key_of(plan_crystal(path, **{**toy, "overrides": overrides}).builder) == key
    assert key_of(plan_crystal(street.salt(), **{**toy, "temperatures_K": [310.0]}).builder) != key


def test_unusable_requests_are_rejected_without_a_profile():
    with pytest.raises(InputError, match="`charges` is missing; expected the charge of each mobile species"):
        check_crystal(street.salt(), {})
    with pytest.raises(InputError, match="not in the structure"):
        check_crystal(street.salt(), {"Na": 1})
    with pytest.raises(InputError, match="temperature"):
        check_crystal(street.salt(), {"Li": 1}, [-300.0])
    with pytest.raises(InputError, match="labeller 'nobody' is unknown"):
        check_crystal(street.salt(), {"Li": 1}, labeller="nobody")


def test_pseudopotentials_are_for_engines_that_have_any(aiida_profile_clean, toy):
    with pytest.raises(InputError, match="labeller 'ase' has no pseudopotentials"):
        plan_crystal(street.salt(), pseudo_family="SSSP", **toy)


def test_a_notebook_sets_up_and_prices_a_street_in_three_lines(tmp_path):
    pytest.importorskip("tblite")
    street.salt().write(tmp_path / "salt.cif")
    lines = (
        "import aiida_elyte as elyte\n"
        "print(elyte.setup().profile)\n"
        "street = elyte.launch_crystal('salt.cif', charges={'Li': 1}, protocol='fast', dry_run=True)\n"
        "print(street.pk, street.cost.labels > 0)\n"
    )
    assert run_python(lines, tmp_path, cwd=tmp_path).split() == ["elyte", "None", "True"]


def test_production_hotter_than_what_was_sampled_or_tested_is_warned_of_before_any_job(aiida_profile_clean, toy):
    overrides = {
        **street.OVERRIDES,
        "active_learning": {
            **street.OVERRIDES["active_learning"],
            "qualification": {"conditions": {"temperature_K": 320.0}},
        },
    }
    hot = plan_crystal(street.salt(), **{**toy, "temperatures_K": [300.0, 350.0], "overrides": overrides})
    sampled, tested = hot.warnings
    assert "production at 350 K is hotter than the sampling of the rounds of learning (300 K)" in sampled
    assert "production at 350 K is hotter than the qualification (320 K)" in tested
    assert hot.describe()["warnings"] == [sampled, tested]


def test_a_street_whose_numbers_could_not_be_stated_is_rejected(aiida_profile_clean, toy):
    overrides = {"active_learning": {**street.OVERRIDES["active_learning"], "qualification": None}}
    with pytest.raises(InputError, match="qualification is switched off and allow_unqualified is false"):
        plan_crystal(street.salt(), **{**toy, "overrides": overrides}).builder._inputs()


def test_a_street_without_a_framework_to_test_is_rejected_before_any_job(aiida_profile_clean, toy):
    learning = street.OVERRIDES["active_learning"]
    mobile = {**toy, "charges": {"Li": 1.0, "Cl": -1.0}}
    with pytest.raises(InputError, match="no framework is known, and framework_rmsd cannot be judged"):
        plan_crystal(
            street.salt(), **{**mobile, "overrides": {"active_learning": {**learning, "qualification": {}}}}
        ).builder._inputs()
    off = {"active_learning": {**learning, "qualification": {"tests": {"framework_rmsd": None}}}}
    assert plan_crystal(street.salt(), **{**mobile, "overrides": off}).cost.labels > 0
