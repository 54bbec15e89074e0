"""`aiida-elyte launch polymer` before anything is submitted."""

import json

import pytest
import yaml

from tests.ions import RECIPE

pytestmark = [pytest.mark.engine("lmp"), pytest.mark.engine("packmol")]


def test_dry_run_prints_its_plan_as_json(command, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    done = command("launch", "polymer", recipe, "--protocol", "fast", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    # 4 + 4 + 3 + 4 clusters and four heated ones of each; at most 8 of one round.
    assert (plan["boxes"], plan["clusters"], plan["first_labels"], plan["later_labels"]) == (1, 15, 75, 8)


def test_codes_of_unknown_roles_are_refused(command, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    done = command("launch", "polymer", recipe, "--code", "engines=lmp@localhost", "--dry-run")
    assert done.returncode == 2
    assert "'engines'; expected python, engine or ase; did you mean engine?" in done.stderr
