"""What ``structure`` and dry runs tell of a structure."""

import json

import pytest


def test_structure_tells_formula_cell_symmetry_and_contact(command, cif):
    told = command("structure", cif).stdout.splitlines()
    assert told[0] == "formula   Li4Cl4 = 4 LiCl"
    assert told[1] == "atoms     8"
    assert told[2].startswith("cell      5.13 5.13 5.13 Å   90 90 90°   135.01 Å³   2.086 g/cm³")
    assert told[3] == "group     Fm-3m (225); the file names P 1"
    assert "2.565 Å" in told[4]


def test_structure_for_machines(command, cif):
    found = json.loads(command("structure", cif, "--json").stdout)
    assert found["formula"] == "Li4Cl4"
    assert found["cell"] == {"lengths_A": [5.13] * 3, "angles_deg": [90.0] * 3}
    assert found["elements"] == ["Li", "Cl"]
    assert found["partial_occupancies"] == found["notes"] == []


def test_partial_occupancies_are_listed(command, cif, tmp_path):
    path = tmp_path / "half.cif"
    path.write_text(
        cif.read_text().replace("Li1       1.0  0.0  0.0  0.0  1.0000", "Li1       1.0  0.0  0.0  0.0  0.5")
    )
    path.write_text(path.read_text().replace("Li4 Cl4", "Li3.5 Cl4"))
    told = command("structure", path).stdout
    assert "partial   Li1 (Li 0.5)" in told
    assert "order the structure before `launch crystal`" in told


def test_structure_that_is_missing(refuse, tmp_path):
    assert "does not exist" in refuse("structure", tmp_path / "nowhere.cif")


def test_dry_run_of_a_crystal_tells_the_structure_first(command, cif):
    words = ("launch", "crystal", cif, "--charges", "Li=1", "--protocol", "fast", "--dry-run")
    assert command(*words).stdout.startswith("formula   Li4Cl4 = 4 LiCl\natoms     8\n")
    plan = json.loads(command(*words, "--json").stdout)
    assert plan["structure"]["formula"] == "Li4Cl4"
    assert {"labels", "md_steps", "seconds", "disk_bytes"} <= set(plan)


@pytest.mark.engine("lmp")
def test_dry_run_of_a_polymer_tells_molecules_and_molality_first(command, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: peo\npolymer: {unit: '*CCO*', n_units: 20}\nsalt: {name: LiTFSI, ratio: 0.05}\nn_atoms: 2000\n"
    )
    words = ("launch", "polymer", path, "--protocol", "fast", "--dry-run")
    told = command(*words).stdout.splitlines()
    # 2000 / (20 · 7 + 5 + 16) atoms to a chain and its ion pair = 12.4 chains
    assert told[0].startswith("peo: 12 chains of 20 units, 12 [Li+], 12 ")
    assert told[2].startswith("molality 1.1")
    plan = json.loads(command(*words, "--json").stdout)
    assert plan["structure"]["n_chains"] == plan["structure"]["molecules"]["[Li+]"] == 12
    assert plan["atoms"] == plan["structure"]["n_atoms"]
