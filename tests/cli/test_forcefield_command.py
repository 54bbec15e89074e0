"""``aiida-elyte forcefield`` on labels that a known force field made, and on what it cannot use."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from click.testing import CliRunner

from aiida_elyte.cli import main
from aiida_elyte.units import EV_KCAL_MOL

WATER = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
K_BOND, R0_A = 450.0, 0.97


def water(seed):
    """Return a frame with harmonic O–H bonds: E = 450 (r − 0.97)² kcal/mol each."""
    rng = np.random.default_rng(seed)
    frame = Atoms("OH2", WATER + rng.normal(0, 0.05, (3, 3)))
    forces = np.zeros((3, 3))
    for hydrogen in (1, 2):
        bond = frame.positions[hydrogen] - frame.positions[0]
        length = np.linalg.norm(bond)
        forces[hydrogen] = -2 * K_BOND * (length - R0_A) * bond / length
        forces[0] -= forces[hydrogen]
    frame.arrays["dft_charge"] = np.array([-0.8, 0.4, 0.4])
    frame.info.update(system="water", total_charge=0)
    frame.calc = SinglePointCalculator(frame, forces=forces / EV_KCAL_MOL)
    return frame


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "water.extxyz"
    write(path, [water(seed) for seed in range(30)], format="extxyz")
    return path


@pytest.fixture(scope="module")
def fitted(data):
    folder = data.parent / "fit"
    run("fit", data, "--out", folder, "--terms", "class1", "--seed", 3)
    return folder


def run(*words):
    result = CliRunner().invoke(main, ["forcefield", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result


def test_fit_finds_the_bond_that_made_the_labels(fitted):
    content = json.loads((fitted / "forcefield.json").read_text())
    (bond,) = content["bonds"].values()
    assert bond["k2"] == pytest.approx(K_BOND, rel=1e-2)
    assert bond["r0"] == pytest.approx(R0_A, abs=1e-3)
    assert bond["k3"] == bond["k4"] == 0
    assert content["units"]["bonds"]["k2"] == "kcal/mol/Å²"
    assert content["record"]["data"]["seed"] == 3
    assert content["record"]["data"]["split"] == "60/20/20"
    assert content["record"]["settings"]["n_frames"] == {"water": 18}
    charges = sorted(values["q"] for values in content["atoms"].values())
    assert charges[0] == pytest.approx(-2 * charges[1], abs=1e-12)


def test_evaluate_gives_errors_by_system(fitted, tmp_path):
    test = fitted / "test.extxyz"
    assert len(read(test, index=":")) == 6
    out = tmp_path / "errors.json"
    done = run("evaluate", fitted, test, "--json", out)
    content = json.loads(out.read_text())
    assert set(content["systems"]) == {"water"}
    overall = content["overall"]
    assert overall == content["systems"]["water"]
    assert 0 < overall["force_mae_kcal_mol_A"] < overall["force_rmse_kcal_mol_A"] < 1.0
    assert f"{overall['force_rmse_kcal_mol_A']:.3f}" in done.stdout


def test_fit_goes_on_from_what_is_there(data, fitted):
    before = json.loads((fitted / "forcefield.json").read_text())["record"]["errors"]
    run("fit", data, "--out", fitted, "--terms", "class1", "--seed", 3, "--resume")
    after = json.loads((fitted / "forcefield.json").read_text())["record"]["errors"]
    assert after["n_steps"] < before["n_steps"]
    assert after["validation_rmse_kcal_mol_A"] <= before["validation_rmse_kcal_mol_A"] * (1 + 1e-9)


def test_export_writes_what_lammps_reads(fitted, tmp_path):
    run("export", fitted, "--smiles", "O.O", "--out", tmp_path)
    text = (tmp_path / "system.data").read_text()
    assert "6 atoms" in text
    assert "BondAngle Coeffs" in text
    assert "special_bonds lj/coul 0 0 1" in (tmp_path / "in.lammps").read_text()


@pytest.mark.parametrize("split", ["60/40", "a/b/c", "0/50/50", "-1/1/1"])
def test_split_that_is_none_is_refused(refuse, data, tmp_path, split):
    line = refuse("forcefield", "fit", data, "--out", tmp_path, "--split", split)
    assert f"--split is '{split}'; expected shares" in line


def test_data_that_cannot_be_read_is_refused(refuse, tmp_path):
    line = refuse("forcefield", "fit", tmp_path / "none.extxyz", "--out", tmp_path)
    assert "none.extxyz cannot be read (No such file or directory)" in line


def test_frames_without_forces_are_refused(refuse, tmp_path):
    path = tmp_path / "bare.extxyz"
    write(path, [Atoms("OH2", WATER)] * 5, format="extxyz")
    assert "frame 0 (H2O) has no forces" in refuse("forcefield", "fit", path, "--out", tmp_path)


def test_folder_without_a_force_field_is_refused(refuse, data, tmp_path):
    assert "expected what `forcefield fit` wrote" in refuse("forcefield", "evaluate", tmp_path, data)


def test_molecules_that_were_not_fitted_are_refused(refuse, fitted, tmp_path):
    line = refuse("forcefield", "export", fitted, "--smiles", "CO", "--out", tmp_path)
    assert "force field lacks" in line


def test_going_on_with_another_split_is_refused(refuse, data, fitted):
    line = refuse("forcefield", "fit", data, "--out", fitted, "--terms", "class1", "--seed", 4, "--resume")
    assert "was fitted to another split" in line
