"""``aiida-elyte box``: every recipe of the examples, a run to the end, and what cannot be built."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.io import read
from click.testing import CliRunner

from aiida_elyte.cli import main
from aiida_elyte.science.forcefield.model import COLUMNS, ForceField
from aiida_elyte.science.molecules.topology import topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types
from tests.liquid import ENVIRONMENT

RECIPES = Path(__file__).parents[2] / "examples" / "recipes"
WATER = {"name": "water", "solvents": {"water": {"smiles": "O"}}, "n_atoms": 300, "temperature_K": 300}


def run(*words):
    result = CliRunner().invoke(main, ["box", "build", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result


def write_recipe(folder, content):
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def water_force_field(tmp_path_factory):
    """A flexible water, sane and made up."""
    topology = topology_from_smiles("O")
    types = assign_types(topology, 3)
    keys = {"atoms": tuple((label,) for label in types.labels)}
    keys |= {kind: getattr(types, kind).keys for kind in ("bonds", "angles", "dihedrals", "impropers")}
    parameters = {kind: np.zeros((len(keys[kind]), len(columns))) for kind, columns in COLUMNS.items()}
    is_oxygen = np.array([label.startswith("o") for label in types.labels])
    parameters["atoms"][:] = np.where(is_oxygen[:, None], [-0.8, 0.2, 3.5], [0.4, 0.03, 1.5])
    parameters["bonds"][:, [column.name for column in COLUMNS["bonds"]].index("r0")] = 0.97
    parameters["bonds"][:, [column.name for column in COLUMNS["bonds"]].index("k2")] = 450.0
    names = [column.name for column in COLUMNS["angles"]]
    parameters["angles"][:, names.index("theta0")] = np.radians(105)
    parameters["angles"][:, names.index("k2")] = 50.0
    folder = tmp_path_factory.mktemp("water")
    model = ForceField(3, types.neighbourhoods, keys, parameters)
    (folder / "forcefield.json").write_text(model.to_json())
    return folder


@pytest.mark.parametrize("name", ["peo_litfsi", "polycarbonate", "boron_pendant"])
def test_every_polymer_of_the_examples_builds(name, tmp_path):
    recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text())
    recipe["polymer"]["n_units"] = 15
    recipe["n_atoms"] = 900
    done = run(write_recipe(tmp_path, recipe), "--out", tmp_path / "box")
    box = read(tmp_path / "box" / "box.extxyz")
    assert abs(len(box) - 900) < 300
    record = json.loads((tmp_path / "box" / "box.json").read_text())
    assert record["amounts"]["n_atoms"] == len(box)
    assert box.symbols.count("Li") == record["amounts"]["molecules"]["[Li+]"] > 0
    assert box.pbc.all()
    assert "asked for" in done.stdout
    assert not (tmp_path / "box" / "push_off").exists()


@pytest.mark.engine("packmol")
def test_the_liquid_of_the_examples_builds(tmp_path):
    recipe = {**yaml.safe_load((RECIPES / "ec_dmc_lipf6.yaml").read_text()), "n_atoms": 900}
    run(write_recipe(tmp_path, recipe), "--out", tmp_path / "box")
    box = read(tmp_path / "box" / "box.extxyz")
    phosphorus = np.flatnonzero(box.symbols == "P")
    assert len(phosphorus) == box.symbols.count("Li") > 0
    for centre in phosphorus:
        fluorine = np.flatnonzero((box.arrays["molecule"] == box.arrays["molecule"][centre]) & (box.symbols == "F"))
        angles = [box.get_angle(i, centre, j) for i in fluorine for j in fluorine if i < j]
        assert sorted(angles)[-3:] == pytest.approx([180] * 3, abs=6)


@pytest.mark.engine("packmol")
def test_an_aqueous_electrolyte_with_a_complex_anion_builds(tmp_path):
    recipe = yaml.safe_load((RECIPES / "li2zncl4_water.yaml").read_text())
    run(write_recipe(tmp_path, {**recipe, "n_atoms": 600}), "--out", tmp_path / "box")
    box = read(tmp_path / "box" / "box.extxyz")
    counts = {symbol: box.symbols.count(symbol) for symbol in ("Li", "Zn", "Cl", "O")}
    assert counts["Li"] == 2 * counts["Zn"] == counts["Cl"] / 2 > 0
    assert counts["O"] / counts["Zn"] == pytest.approx(9, rel=0.05)


@pytest.mark.engine("packmol")
def test_inputs_and_schedule_are_written(water_force_field, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "box"
    done = run(write_recipe(tmp_path, WATER), "--out", out, "--forcefield", water_force_field, "--protocol", "fast")
    assert "300 atoms" in (out / "push_off" / "system.data").read_text()
    assert "minimize" in (out / "push_off" / "in.lammps").read_text()
    assert (out / "compression" / "in.lammps").read_text().count("\nrun ") == 21
    assert (out / "schedule.png").read_bytes().startswith(b"\x89PNG")
    schedule = (out / "schedule.txt").read_text()
    assert len(schedule.splitlines()) == 1 + 3 + 21
    assert schedule in done.stdout


@pytest.mark.engine("packmol")
@pytest.mark.engine("lmp")
def test_a_liquid_is_compressed_and_judged_and_not_run_again(water_force_field, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "box"
    words = [write_recipe(tmp_path, WATER), "--out", out, "--forcefield", water_force_field, "--protocol", "fast"]
    for change in ("push_off_ps=0.2", "loose_ps=0.2", "compression_ps=0.8", "settling_ps=1.5", "cutoff_A=6"):
        words += ["--set", change]
    words += ["--set", "barostat_fs=300", "--until", "compressed"]
    done = run(*words)
    assert done.stdout.count("no atom lost") == 2
    content = json.loads((out / "equilibration.json").read_text())
    assert content["means"]["density_g_cm3"]["value"] > 0.5
    assert 0.8 <= content["begins_ps"] < content["ends_ps"] == pytest.approx(2.3)
    assert ("in equilibrium from" in done.stdout) == (content["refused"] is None)
    assert (out / "equilibration.png").read_bytes().startswith(b"\x89PNG")
    again = run(*words)
    assert again.stdout.count("done before") == 2
    assert json.loads((out / "equilibration.json").read_text()) == content

    longer = run(*words, "--set", "settling_ps=2.0")
    assert longer.stdout.count("done before") == 1
    assert json.loads((out / "equilibration.json").read_text())["ends_ps"] == pytest.approx(2.8)
    other = CliRunner().invoke(main, ["box", "build", *map(str, words), "--set", "loose_ps=0.2", "--set", "cutoff_A=7"])
    assert other.exit_code == 2
    assert "push_off was run with other cutoff_A; expected the same to go on; give another --out" in other.stderr


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"salts": {}}, "recipe has 'salts'; expected .*did you mean salt"),
        ({"salt": {"name": "LiTFSI", "ratio": 1e-6, "sites": "O"}}, "rounded to no salt"),
        ({"salt": {"name": "LiTFS", "ratio": 0.1}}, "salt 'LiTFS' is not known.*did you mean LiTFSI"),
        ({"solvents": {"Na": {"smiles": "[Na+]"}}}, "expected a neutral molecule"),
        ({"solvents": {"neo": {"smiles": "CC(C)(C)(C)C"}}}, "expected possible valences"),
    ],
)
def test_bad_recipes_are_refused(refuse, recipe, words, tmp_path):
    line = refuse("box", "build", write_recipe(tmp_path, {**WATER, **recipe}), "--out", tmp_path / "box")
    assert re.search(words, line)
    assert not (tmp_path / "box").exists()


def test_a_missing_lammps_is_told(refuse, water_force_field, tmp_path):
    line = refuse(
        "box", "build", write_recipe(tmp_path, WATER), "--out", tmp_path, "--forcefield", water_force_field,
        "--until", "push_off", "--lmp", "no-such-lmp",
    )  # fmt: skip
    assert "LAMMPS no-such-lmp is not found; expected it on the PATH; install it, or give its path as --lmp" in line


def test_molecules_the_force_field_does_not_know_are_told(refuse, water_force_field, tmp_path):
    pytest.importorskip("matplotlib")
    recipe = write_recipe(tmp_path, {**WATER, "solvents": {"methanol": {"smiles": "CO"}}})
    line = refuse("box", "build", recipe, "--out", tmp_path / "box", "--forcefield", water_force_field)
    assert "force field lacks" in line


def test_another_charge_scale_is_refused(refuse, water_force_field, tmp_path):
    pytest.importorskip("matplotlib")
    recipe = write_recipe(tmp_path, {**WATER, "charge_scale": 0.8})
    line = refuse("box", "build", recipe, "--out", tmp_path / "box", "--forcefield", water_force_field)
    assert "charge_scale is 0.8, the force field was fitted with 1" in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "loose=3"], "--set loose=3 names no setting"),
        (["--set", "loose_ps=long"], "has no number"),
        (["--set", "loose_ps=-1"], "loose_ps is -1"),
        (["--until", "push_off"], "needs a force field"),
        (["--until", "push_off", "--forcefield", "."], "lists no packages under -h"),
    ],
)
def test_bad_options_are_refused(refuse, words, message, tmp_path):
    (tmp_path / "lmp").write_text("#!/bin/sh\n")
    (tmp_path / "lmp").chmod(0o755)
    path = [*words, "--lmp", tmp_path / "lmp"]
    assert message in refuse("box", "build", write_recipe(tmp_path, WATER), "--out", tmp_path / "box", *path)


def test_a_recipe_that_cannot_be_read_is_told(refuse, tmp_path):
    assert "cannot be read" in refuse("box", "build", tmp_path / "none.yaml", "--out", tmp_path / "box")


def test_json_is_all_that_is_printed(tmp_path):
    recipe = {"name": "peo", "polymer": {"unit": "*CCO*", "n_units": 10}, "n_atoms": 200}
    told = json.loads(run(write_recipe(tmp_path, recipe), "--out", tmp_path / "box", "--json").stdout)
    assert told["n_atoms"] == len(read(tmp_path / "box" / "box.extxyz"))
    assert (told["runs"], told["equilibration"]) == ([], None)


@pytest.mark.engine("packmol")
def test_a_folder_with_another_box_is_refused(refuse, tmp_path):
    run(write_recipe(tmp_path, WATER), "--out", tmp_path / "box")
    result = CliRunner().invoke(
        main, ["box", "build", str(write_recipe(tmp_path, {**WATER, "seed": 1})), "--out", str(tmp_path / "box")]
    )
    assert result.exit_code == 2
    assert "holds the box of another recipe" in result.stderr


def test_lammps_without_class_2_is_refused_before_anything_is_built(refuse, tmp_path):
    (tmp_path / "lmp").write_text("#!/bin/sh\nprintf 'LAMMPS\\nInstalled packages:\\n\\nKSPACE MOLECULE\\n'\n")
    (tmp_path / "lmp").chmod(0o755)
    asked = ["--until", "push_off", "--forcefield", tmp_path, "--lmp", tmp_path / "lmp"]
    recipe = write_recipe(tmp_path, {"name": "water", "solvents": {"water": {"smiles": "O"}}, "n_atoms": 300})
    error = refuse("box", "build", recipe, "--out", tmp_path / "box", *asked)
    assert "was built without CLASS2" in error
    assert not (tmp_path / "box").exists()
