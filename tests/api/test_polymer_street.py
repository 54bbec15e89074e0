"""The polymer street as a library: recipes it takes, and what a dry run says."""

import pytest
import yaml
from aiida import orm

import aiida_elyte as elyte
from aiida_elyte.api.polymer_street import read_polymer_recipe
from aiida_elyte.errors import InputError
from tests.ions import RECIPE


def test_a_recipe_and_its_file_are_the_same(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    assert read_polymer_recipe(path) == read_polymer_recipe(RECIPE)


def test_recipes_without_current_are_rejected(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.touch()
    with pytest.raises(InputError, match=r"recipe\.yaml is empty; expected a mapping"):
        read_polymer_recipe(path)
    with pytest.raises(InputError, match="recipe has no salt; expected one, whose ions carry the current"):
        read_polymer_recipe({key: value for key, value in RECIPE.items() if key != "salt"})


def test_a_dry_run_says_what_would_be_done_and_stores_no_process(aiida_profile_clean, python_code):
    pytest.importorskip("tblite")
    codes = {"python": python_code.uuid, "engine": python_code.uuid}
    street = elyte.launch_polymer(RECIPE, protocol="fast", codes=codes, dry_run=True)
    told = street.describe()
    assert street.pk is None
    assert told["atoms"] == told["structure"]["n_atoms"] == street.recipe.amounts.n_atoms
    assert told["dynamics_s"] > 0
    assert told["clusters"] > 0
    assert orm.QueryBuilder().append(orm.ProcessNode).count() == 0
