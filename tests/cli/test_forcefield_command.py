"""``aiida-elyte forcefield`` on labels that a known force field made, and on what it cannot use."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from click.testing import CliRunner

from aiida_elyte.cli import main
from aiida_elyte.science.lammps.export import place_molecules
from aiida_elyte.science.molecules.topology import topology_from_smiles
from tests.water import K_BOND, R0_A, WATER, water


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


def test_continuous_typing_gives_parameters_of_a_molecule_that_was_not_fitted(refuse, tmp_path):
    """Fitted to methane and propane, exported is ethane; types to 3 bonds refuse it."""
    rng = np.random.default_rng(1)
    frames = []
    for smiles in ("C", "CCC"):
        symbols = topology_from_smiles(smiles).elements
        for _ in range(10):
            frame = Atoms(symbols, place_molecules(smiles) + rng.normal(0, 0.03, (len(symbols), 3)))
            n_hydrogens = symbols.count("H")
            n_carbons = len(symbols) - n_hydrogens
            frame.arrays["dft_charge"] = np.where(frame.numbers == 1, 0.1, -0.1 * n_hydrogens / n_carbons)
            frame.info.update(system=smiles, total_charge=0)
            frame.calc = SinglePointCalculator(frame, forces=rng.normal(0, 0.1, (len(symbols), 3)))
            frames.append(frame)
    data = tmp_path / "alkanes.extxyz"
    write(data, frames, format="extxyz")
    refused = refuse("forcefield", "export", tmp_path / "fit", "--smiles", "CC", "--out", tmp_path / "ethane")
    assert "run it first" in refused
    done = run("fit", data, "--out", tmp_path / "fit", "--typing", "continuous", "--members", 1)
    assert "member 0 of 1: forcefield_00.json" in done.output
    run("export", tmp_path / "fit", "--smiles", "CC", "--out", tmp_path / "ethane")
    text = (tmp_path / "ethane" / "system.data").read_text()
    assert "8 atoms" in text
    assert "9 dihedrals" in text
    run("evaluate", tmp_path / "fit", tmp_path / "fit" / "test.extxyz")
    frozen = (tmp_path / "fit" / "forcefield.json").read_text()
    assert frozen != (tmp_path / "fit" / "forcefield_00.json").read_text()
    run("fit", data, "--out", tmp_path / "fit", "--split", "100/0/0")
    assert sorted(path.name for path in (tmp_path / "fit").iterdir()) == ["forcefield.json", "test.extxyz"]
    line = refuse("forcefield", "export", tmp_path / "fit", "--smiles", "CC", "--out", tmp_path / "ethane")
    assert "force field lacks" in line


def test_members_of_an_ensemble_share_the_split_and_differ(data, tmp_path):
    run("fit", data, "--out", tmp_path, "--terms", "class1", "--members", 2, "--seed", 3)
    files = ["forcefield.json", "forcefield_00.json", "forcefield_01.json"]
    contents = [json.loads((tmp_path / name).read_text()) for name in files]
    assert len({json.dumps(content["bonds"]) for content in contents}) == 3
    assert [content["record"]["settings"]["is_bootstrap"] for content in contents] == [False, True, True]
    assert contents[0]["record"]["data"] == contents[1]["record"]["data"]


def test_topology_is_taken_from_smiles_where_given(refuse, data, tmp_path):
    run("fit", data, "--out", tmp_path, "--terms", "class1", "--smiles", "water=O")
    assert "bonded otherwise" in refuse("forcefield", "fit", data, "--out", tmp_path, "--smiles", "water=[OH-].[H+]")
    assert "smiles names ice; expected one of water" in refuse(
        "forcefield", "fit", data, "--out", tmp_path, "--smiles", "ice=O"
    )
    assert "--smiles is 'O'; expected NAME=SMILES" in refuse(
        "forcefield", "fit", data, "--out", tmp_path, "--smiles", "O"
    )


def test_labels_without_energies_or_charges_are_refused_where_they_are_needed(refuse, data, tmp_path):
    line = refuse("forcefield", "fit", data, "--out", tmp_path, "--energies", 1)
    assert "water has no energies" in line
    frames = read(data, index=":")
    for frame in frames:
        del frame.arrays["dft_charge"]
    write(tmp_path / "bare.extxyz", frames, format="extxyz")
    line = refuse("forcefield", "fit", tmp_path / "bare.extxyz", "--out", tmp_path / "out")
    assert "bare.extxyz has no charges; expected dft_charge or charges" in line
    assert not (tmp_path / "out").exists()


def test_evaluate_gives_errors_by_system(fitted):
    test = fitted / "test.extxyz"
    assert len(read(test, index=":")) == 6
    done = run("evaluate", fitted, test, "--json")
    content = json.loads(done.stdout)
    assert set(content["systems"]) == {"water"}
    overall = content["overall"]
    assert overall == content["systems"]["water"]
    assert 0 < overall["force_mae_kcal_mol_A"] < overall["force_rmse_kcal_mol_A"] < 1.0
    assert f"{overall['force_rmse_kcal_mol_A']:.3f}" in run("evaluate", fitted, test).stdout


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


def test_json_is_all_that_is_printed(data, fitted, tmp_path):
    told = json.loads(run("export", fitted, "--smiles", "O.O", "--out", tmp_path, "--json").stdout)
    assert told == {"n_atoms": 6, "n_types": 2, "data_file": str(tmp_path / "system.data")}
    told = json.loads(run("fit", data, "--out", tmp_path, "--terms", "class1", "--json").stdout)
    assert told["test"]["overall"]["n_frames"] == 6
    assert told["record"] == json.loads((tmp_path / "forcefield.json").read_text())["record"]


@pytest.mark.parametrize("split", ["60/40", "a/b/c", "0/50/50", "-1/1/1"])
def test_split_that_is_none_is_refused(refuse, data, tmp_path, split):
    line = refuse("forcefield", "fit", data, "--out", tmp_path, "--split", split)
    assert f"--split is '{split}'; expected shares" in line


def test_data_that_cannot_be_read_is_refused(refuse, tmp_path):
    line = refuse("forcefield", "fit", tmp_path / "none.extxyz", "--out", tmp_path)
    assert "none.extxyz does not exist" in line


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


def test_a_fit_goes_on_only_as_it_began(fitted, data, refuse):
    line = refuse("forcefield", "fit", data, "--out", fitted, "--seed", 3, "--resume")
    assert "was fitted with terms class1; expected that, not class2; fit anew" in line
    line = refuse(
        *("forcefield", "fit", data, "--out", fitted, "--terms", "class1", "--seed", 3),
        *("--resume", "--charge-scale", 0.8),
    )
    assert "was fitted with charge_scale 1.0; expected that, not 0.8" in line


def test_ctrl_c_tells_how_a_fit_goes_on(data, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("aiida_elyte.api.forcefield.fit_discrete", interrupt)
    result = CliRunner().invoke(main, ["forcefield", "fit", str(data), "--out", str(tmp_path)])
    assert result.exit_code == 130
    assert "Interrupted; forcefield.json is the best so far: add --resume" in result.output


def test_a_force_field_with_a_word_for_a_number_is_refused(fitted, refuse, tmp_path):
    content = json.loads((fitted / "forcefield.json").read_text())
    next(iter(content["bonds"].values()))["k2"] = "stiff"
    (tmp_path / "forcefield.json").write_text(json.dumps(content))
    line = refuse("forcefield", "export", tmp_path, "--smiles", "O", "--out", tmp_path / "out")
    assert "holds what is not a parameter" in line
    assert not (tmp_path / "out").exists()
