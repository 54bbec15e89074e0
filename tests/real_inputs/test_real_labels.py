"""Data sets as people have them: labels under other names, labels that are not numbers, masks that zero forces."""

import json

import numpy as np
import pytest

from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.labels.reading import read_dataset

ENERGIES, EDGE = [-40.0, -40.1, -40.2, -40.3], 4.03
FIRST_FORCE = [0.219121, 0.009738, -0.380379]


@pytest.mark.parametrize(
    ("name", "energy", "forces", "stress"),
    [
        ("mace_ref.extxyz", "REF_energy", "REF_forces", 0.003),
        ("dft_keys.extxyz", "dft_energy", "dft_forces", None),
        ("gap_force.extxyz", "energy", "force", -0.2 / EDGE**3),
        ("nep_lower.xyz", "energy", "force", -0.2 / EDGE**3),
    ],
)
def test_labels_under_the_names_of_other_programs(fault, name, energy, forces, stress):
    found = read_dataset(fault("extxyz_label_names") / name)
    assert (found.left_out, found.warnings) == ([], [])
    assert found.sources["energy"] == {energy: 4}
    assert found.sources["forces"] == {forces: 4}
    assert [labels_of(frame)["energy"] for frame in found.frames] == pytest.approx(ENERGIES)
    first = labels_of(found.frames[0])
    np.testing.assert_array_equal(first["forces"][0], FIRST_FORCE)
    assert ("stress" in first) == (stress is not None)
    if stress is not None:
        np.testing.assert_allclose(first["stress"], [stress] * 3 + [0] * 3)
    for frame in found.frames:
        assert frame.pbc.all()
        np.testing.assert_allclose(frame.cell.array, np.eye(3) * EDGE)


def test_import_says_which_names_were_taken(fault, command):
    done = command("import", fault("extxyz_label_names") / "mace_ref.extxyz", "--level-of-theory", "PBE")
    assert done.returncode == 0
    assert "energy from REF_energy, forces from REF_forces, stress from REF_stress" in done.stdout
    assert "energy of 4, forces of 4, stress of 4" in done.stdout


def test_frame_whose_energy_is_nan_is_left_out_and_named(fault, command, run, tmp_path):
    path = fault("extxyz_energy_nan") / "energy_nan.extxyz"
    done = command("import", path, "--level-of-theory", "PBE", "--json")
    node = json.loads(done.stdout)
    assert node["count"] == 3
    assert node["label_counts"] == {"energy": 3, "forces": 3}
    assert "frame 2 is left out: its energy is nan" in node["left_out"][0]
    assert "frame 2 is left out: its energy is nan" in done.stderr
    found = read_dataset(path)
    assert found.numbers == [0, 1, 3]
    wrong = run("train", path, "--out", tmp_path / "p", "--members", 0)
    assert "learning_rate" not in wrong.output


def test_mask_of_moving_atoms_zeroes_no_force(fault, run, tmp_path):
    folder = fault("ff_move_mask_zero_forces")
    fields = {}
    for name in ("water", "water_mask"):
        done = run("forcefield", "fit", folder / f"{name}.extxyz", "--out", tmp_path / name)
        assert done.exit_code == 0, done.output
        assert "overall  12      1.298" in done.stdout
        fields[name] = json.loads((tmp_path / name / "forcefield.json").read_text())
        fields[name]["record"]["data"].pop("file")
    assert fields["water"] == fields["water_mask"]
    for name in fields:
        done = run("forcefield", "evaluate", tmp_path / "water", folder / f"{name}.extxyz", "--json")
        errors = json.loads(done.stdout)
        assert errors["overall"]["force_rmse_kcal_mol_A"] == pytest.approx(1.25, abs=0.01)
