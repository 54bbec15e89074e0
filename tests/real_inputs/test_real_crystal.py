"""Structures and recipes as people have them."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal_files.formula import parse_formula
from aiida_elyte.science.crystal_files.read import read_crystal

OBELIX = Path(__file__).parents[3] / "shared" / "data" / "obelix"


def test_cuprite_of_origin_choice_two(fault, command):
    path = fault("cif_origin_choice") / "cuprite.cif"
    done = command("launch", "crystal", path, "--charges", "Ag=1", "--temperature-K", "600", "--dry-run")
    assert "formula   Ag4O2 = 2 Ag2O\natoms     6\n" in done.stdout, done.stderr
    assert "nothing was submitted" in done.stdout


@pytest.mark.parametrize(
    ("name", "formula", "number"),
    [("k_upper", "K3OCl", 221), ("upper_labels", "Na3SCl", 221), ("upper_symbols", "Li3OCl", 221)],
)
def test_labels_and_symbols_in_capitals(fault, run, name, formula, number):
    done = run("structure", fault("cif_uppercase_labels") / f"{name}.cif", "--json")
    found = json.loads(done.stdout)
    assert found["formula"] == formula
    assert found["n_atoms"] == 5
    assert found["space_group"]["number"] == number


def test_ratio_written_as_sites_to_a_cation(fault, run):
    folder = fault("recipe_ratio_inverse")
    done = run("box", "build", folder / "ratio20.yaml", "--out", folder / "box")
    assert done.exit_code == 2
    # 20 · 8 sites = 160 LiTFSI in 8 · 44.05 + 16.04 g/mol: 160 / 0.3685 kg/mol = 434 mol/kg
    assert "434.2 mol/kg, 2621 atoms where n_atoms is 400" in done.stderr
    assert "for sites:Li (O:Li) = 20 give ratio: 0.05" in done.stderr
    assert not (folder / "box").exists()


def test_measured_electrolytes_keep_to_the_formula_of_their_files():
    if not OBELIX.exists():
        pytest.skip(f"structures of measured electrolytes are not at {OBELIX}")
    with (OBELIX / "entries.csv").open() as file:
        measured = {row["ID"]: parse_formula(row["True Composition"]) for row in csv.DictReader(file)}
    counts, other = Counter(), []
    for path in sorted(OBELIX.glob("*.cif")):
        try:
            found = read_crystal(path, is_ordered=True)
        except InputError as error:
            counts["partial" if "partially occupied sites" in str(error) else str(error)] += 1
            continue
        counts["read"] += 1
        contents = Counter(found.atoms.get_chemical_symbols())
        assert contents == parse_formula(found.formula), path.name  # these files have the formula of the cell
        if contents != measured[path.stem]:
            other.append(path.stem)
    assert counts == {"read": 33, "partial": 108}
    assert other == ["b4c"]  # its file has neither sites nor formula of the lithium that was measured


def test_measured_electrolytes_with_disorder_keep_to_the_formula_of_their_files():
    if not OBELIX.exists():
        pytest.skip(f"structures of measured electrolytes are not at {OBELIX}")
    for path in sorted(OBELIX.glob("*.cif")):
        found = read_crystal(path)
        contents: Counter[str] = Counter()
        for symbol, part in zip(found.atoms.get_chemical_symbols(), found.occupancies, strict=True):
            contents[symbol] += float(part)
        assert dict(contents) == pytest.approx(parse_formula(found.formula), abs=0.01), path.name
