"""The fit of a force field as a cluster runs it."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.frames import attach_labels, read_frames, write_frames
from tests.remote.programs import finish, fit_forcefield

WATER = molecule("H2O")
CHARGES = np.array([-0.8, 0.4, 0.4])
EQUILIBRIUM_A, STIFFNESS_EV_A2 = 0.97, 45.0


def frames(n_clusters=10, n_frames=4, seed=0, **info):
    """Water with bonds that are springs: a force field can be exact but for its angles, which feel nothing."""
    rng, found = np.random.default_rng(seed), []
    for cluster in range(n_clusters):
        for number in range(n_frames):
            frame = Atoms("OH2", WATER.positions + rng.normal(0, 0.05, (3, 3)))
            forces = np.zeros((3, 3))
            for hydrogen in (1, 2):
                bond = frame.positions[hydrogen] - frame.positions[0]
                length = np.linalg.norm(bond)
                pull = STIFFNESS_EV_A2 * (length - EQUILIBRIUM_A) * bond / length
                forces[0] += pull
                forces[hydrogen] -= pull
            frame.info = {"origin": f"water-{cluster}#{number}", "stoichiometry": "1 water", "charge": 0, **info}
            found.append(attach_labels(frame, energy=0.0, forces=forces, charges=CHARGES))
    return found


def run(folder: Path, dataset=None, validation=None, limit=None, **settings):
    (folder / "settings.json").write_text(json.dumps(settings))
    if dataset is not None:
        write_frames(dataset, folder / "dataset.extxyz")
    if validation is not None:
        write_frames(validation, folder / "validation.extxyz")
    (folder / "limits.json").write_text(json.dumps({"max_wallclock_seconds": limit}))
    return finish(fit_forcefield, folder)


def test_fit_finds_the_springs_that_made_the_labels(tmp_path):
    results = run(tmp_path, frames(), fit={"terms": "class1", "model_error": 1e-3})
    assert results["status"] == "ok", results
    assert results["errors"]["test"]["overall"]["force_rmse_kcal_mol_A"] < 0.05
    assert set(results["errors"]) == {"train", "validation", "test"}
    force_field = ForceField.from_json((tmp_path / "forcefield.json").read_text())
    r0, k2 = force_field.parameters["bonds"][0, :2]
    assert r0 == pytest.approx(EQUILIBRIUM_A, abs=1e-3)
    assert k2 == pytest.approx(STIFFNESS_EV_A2 / 2 * 23.0605, rel=0.01)
    assert results["n_parameters"] > len(results["undetermined"]) > 0
    assert any("not determined by the data" in each for each in results["warnings"])


def test_clusters_stay_whole_and_members_are_tested_on_the_same(tmp_path):
    dataset = frames()
    splits = []
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        results = run(folder, dataset, seed=seed, bootstrap=True, fit={"terms": "class1", "n_steps": 2})
        splits.append(results["split"])
        assert (results["split"]["n_train"], results["split"]["n_validation"], results["split"]["n_test"]) == (24, 8, 8)
    assert splits[0] == splits[1]
    assert len(splits[0]["test_clusters"]) == len(splits[0]["validation_clusters"]) == 2
    assert not set(splits[0]["test_clusters"]) & set(splits[0]["validation_clusters"])
    members = [(tmp_path / str(seed) / "forcefield.json").read_text() for seed in (0, 1)]
    bonds = [ForceField.from_json(text).parameters["bonds"] for text in members]
    assert np.abs(bonds[0] - bonds[1]).max() > 0


def test_validation_given_takes_no_share_of_the_data(tmp_path):
    results = run(tmp_path, frames(), frames(3, 2, seed=5), split={"shares": [80, 20, 20]}, fit={"n_steps": 1})
    assert results["split"]["n_train"] == 32
    assert results["split"]["n_validation"] == 6
    assert results["split"]["n_test"] == 8


def test_interrupted_fit_goes_on_from_its_last_step(tmp_path):
    settings = {"fit": {"terms": "class1", "model_error": 1e-3, "n_steps": 30}}
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = run(whole, frames(), **settings)
    run(tmp_path, frames(), limit=1e-6, **settings)
    for n_steps in (2, 3):
        results = run(tmp_path, limit=1e-6, **settings)
        assert results["kind"] == "OUT_OF_WALLTIME"
        assert len(results["curve"]) == n_steps
    results = run(tmp_path, **settings)
    assert results["n_epochs"] == 2 + results["steps_run_in_this_job"]
    found = [each["errors"]["test"]["overall"]["force_rmse_kcal_mol_A"] for each in (results, expected)]
    assert found[0] == pytest.approx(found[1], abs=0.02)
    assert [step["train_rmse"] for step in results["learning_curve"]][:2] == pytest.approx(
        [step["train_rmse"] for step in expected["learning_curve"]][:2]
    )


def test_checkpoint_of_other_settings_is_refused(tmp_path):
    run(tmp_path, frames(), limit=1e-6)
    results = run(tmp_path, fit={"charge_scale": 0.8})
    assert results["kind"] == "INVALID_INPUT"
    assert "belongs to another run: charge_scale is" in results["message"]


def without_charges():
    found = frames()
    for frame in found:
        attach_labels(frame, energy=0.0, forces=np.zeros((3, 3)))
    return found


@pytest.mark.parametrize(
    ("dataset", "settings", "words"),
    [
        (frames(), {"sed": 1}, "settings has 'sed'; expected seed, bootstrap"),
        (frames(), {"fit": {"term": "class2"}}, "fit has 'term'; expected terms"),
        (frames(), {"fit": {"start": None}}, "fit has 'start'"),
        (frames(), {"split": {"fraction": 0.1}}, "split has 'fraction'"),
        (frames(), {"split": {"shares": [1, 1]}}, "split: shares is [1, 1]"),
        (frames(), {"split": {"by": "atom"}}, "split: by is 'atom'; expected 'cluster' or 'frame'"),
        (frames(4) + frames(4, level_of_theory="PBE"), {}, "mixes levels of theory ['PBE', 'unstated']"),
        (
            frames(4) + frames(4, charge_method="RESP"),
            {},
            "charges are of several methods, ['RESP', 'unstated']; expected one; make a data set of each",
        ),
        (without_charges(), {}, "has no charges"),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_unusable_input_is_refused(tmp_path, dataset, settings, words):
    results = run(tmp_path, dataset, **settings)
    assert results["kind"] == "INVALID_INPUT"
    assert words in results["message"]


def test_split_by_frame_says_that_it_flatters(tmp_path):
    results = run(tmp_path, frames(2), split={"by": "frame"}, fit={"n_steps": 1})
    assert any("flatter" in each for each in results["warnings"])


def test_frames_read_back_keep_what_the_fit_needs(tmp_path):
    write_frames(frames(1, 1), tmp_path / "one.extxyz")
    (frame,) = read_frames(tmp_path / "one.extxyz")
    assert frame.info["charge"] == 0
    assert frame.info["stoichiometry"] == "1 water"


def test_too_few_clusters_are_all_trained_on_and_that_is_told(tmp_path):
    results = run(tmp_path, frames(2))
    assert results["status"] == "ok", results
    assert set(results["errors"]) == {"train"}
    assert any("no frames are held out" in warning for warning in results["warnings"])


def test_frames_that_learning_sampled_are_trained_on_only(tmp_path):
    dataset = frames(9)
    sampled = frames(4)
    for number, frame in enumerate(sampled):
        frame.info |= {"member": "m00", "origin": f"sample-{number}#1"}
    alone = run(tmp_path, dataset)
    (tmp_path / "more").mkdir()
    more = run(tmp_path / "more", dataset + sampled)
    for side in ("validation", "test"):
        assert more["split"][f"{side}_clusters"] == alone["split"][f"{side}_clusters"]
    assert more["split"]["n_train"] == alone["split"]["n_train"] + len(sampled)
