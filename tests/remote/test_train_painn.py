"""The training program in its folder: files in, files out, resume, refusals."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import aiida_elyte
from aiida_elyte.science.frames import write_frames
from aiida_elyte.science.potentials.calculators import PotentialCalculator
from aiida_elyte.science.potentials.painn.storage import load_painn
from tests.science.potentials.painn.test_training import labelled_frames

SETTINGS = {
    "architecture": {"n_features": 16, "n_layers": 2, "n_rbf": 8, "cutoff_A": 4.5},
    "max_epochs": 4,
    "batch_size": 4,
    "split": {"validation_fraction": 0.2},
}


@pytest.fixture(scope="module")
def program() -> ModuleType:
    path = Path(aiida_elyte.__file__).parent / "remote" / "train_painn.py"
    spec = importlib.util.spec_from_file_location("train_painn_program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepare(folder: Path, frames, limits=None, **changes) -> Path:
    folder.mkdir(exist_ok=True)
    for frame in frames:
        frame.info.setdefault("level_of_theory", "Morse")
    write_frames(frames, folder / "dataset.extxyz")
    (folder / "settings.json").write_text(json.dumps({**SETTINGS, **changes}))
    if limits is not None:
        (folder / "limits.json").write_text(json.dumps({"max_wallclock_seconds": limits}))
    return folder


def run(program: ModuleType, folder: Path) -> dict:
    program.main(str(folder / "settings.json"))
    return json.loads((folder / "results.json").read_text())


def test_files_and_results(program, tmp_path):
    folder = prepare(tmp_path / "job", labelled_frames(20))
    results = run(program, folder)
    assert results["status"] == "ok", results
    assert results["n_epochs"] == len(results["learning_curve"]) == results["total_epochs_run_in_this_job"] == 4
    assert results["resumed_from_epoch"] == 0
    assert results["split"]["by"] == "block"
    assert results["split"]["n_train"] + results["split"]["n_validation"] == 20
    potential = load_painn(folder / "potential.pt")
    assert (potential.elements, potential.level_of_theory) == (["Cu"], "Morse")
    assert potential.training_hash == results["training_hash"] == results["potential"]["training_hash"]
    parity = np.load(folder / "parity.npz")
    frame = labelled_frames(20)[results["split"]["validation_indices"][0]]
    assert parity["validation/forces_label"][:4] == pytest.approx(frame.get_forces(), abs=1e-6)
    assert parity["validation/forces"][:4] == pytest.approx(PotentialCalculator(potential).get_forces(frame), abs=1e-5)
    deviation = parity["validation/forces"] - parity["validation/forces_label"]
    assert results["errors"]["validation"]["force_mae_eV_A"] == pytest.approx(np.abs(deviation).mean(), rel=1e-5)
    assert set(results["errors"]["train"]["by_element"]) == {"Cu"}


def test_job_out_of_walltime_resumes_to_the_result_of_an_unbroken_one(program, tmp_path, monkeypatch):
    # On a CPU: a GPU adds the messages of an atom in an order of its own each time.
    whole = run(program, prepare(tmp_path / "whole", labelled_frames(20), device="cpu"))
    folder = prepare(tmp_path / "broken", labelled_frames(20), device="cpu")
    calls = iter([False] * 11)
    with monkeypatch.context() as patch:
        patch.setattr(program.Job, "should_stop", lambda self, reserve_s=0.0: next(calls, True))
        broken = run(program, folder)
    assert (broken["status"], broken["kind"]) == ("failed", "OUT_OF_WALLTIME")
    assert 0 < broken["n_epochs"] < 4
    resumed = run(program, folder)
    assert resumed["status"] == "ok"
    assert resumed["resumed_from_epoch"] == broken["n_epochs"]
    assert resumed["total_epochs_run_in_this_job"] == 4 - broken["n_epochs"]
    assert resumed["learning_curve"] == whole["learning_curve"]
    assert resumed["errors"] == whole["errors"]


def test_time_budget_ends_annealed(program, tmp_path):
    changes = {"max_epochs": 100000, "max_minutes": 0.05, "schedule": {"warmup_steps": 0}}
    results = run(program, prepare(tmp_path / "job", labelled_frames(20), **changes))
    assert results["status"] == "ok"
    assert results["learning_curve"][-1]["learning_rate"] < 0.2 * results["learning_curve"][0]["learning_rate"]


def test_warm_start_begins_where_the_first_training_ended(program, tmp_path):
    first = run(program, prepare(tmp_path / "first", labelled_frames(20), max_epochs=25))
    folder = prepare(tmp_path / "second", labelled_frames(20), max_epochs=1, schedule={"warmup_steps": 1000})
    (folder / "initial.pt").write_bytes((tmp_path / "first" / "potential.pt").read_bytes())
    second = run(program, folder)
    cold = run(program, prepare(tmp_path / "cold", labelled_frames(20), max_epochs=1))
    mae = [result["errors"]["validation"]["force_mae_eV_A"] for result in (first, second, cold)]
    assert mae[1] < 0.7 * mae[2]
    assert mae[1] < 1.2 * mae[0]


def test_given_validation_set_is_used(program, tmp_path):
    folder = prepare(tmp_path / "job", labelled_frames(12))
    write_frames(labelled_frames(3, seed=5), folder / "validation.extxyz")
    text = (folder / "validation.extxyz").read_text().replace("origin=", 'level_of_theory="Morse" origin=')
    (folder / "validation.extxyz").write_text(text)
    results = run(program, folder)
    assert (results["split"]["by"], results["split"]["n_train"], results["split"]["n_validation"]) == ("given", 12, 3)


def test_warm_start_of_another_architecture_is_refused(program, tmp_path):
    run(program, prepare(tmp_path / "first", labelled_frames(8), max_epochs=1))
    architecture = {**SETTINGS["architecture"], "n_features": 8}
    folder = prepare(tmp_path / "second", labelled_frames(8), architecture=architecture)
    (folder / "initial.pt").write_bytes((tmp_path / "first" / "potential.pt").read_bytes())
    results = run(program, folder)
    assert results["kind"] == "INVALID_INPUT"
    assert "expected the same" in results["message"]


def mixed(frames):
    frames[3].info["level_of_theory"] = "PBE"
    return frames


def unlabelled(frames):
    frames[2].calc = None
    return frames


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (mixed, "mixes levels of theory ['Morse', 'PBE']"),
        (unlabelled, "frame 2 has no energy and no forces"),
    ],
)
def test_bad_data_sets_are_refused(program, tmp_path, spoil, message):
    results = run(program, prepare(tmp_path / "job", spoil(labelled_frames(6))))
    assert results["kind"] == "INVALID_INPUT"
    assert message in results["message"]


def test_mixed_levels_may_be_allowed(program, tmp_path):
    results = run(program, prepare(tmp_path / "job", mixed(labelled_frames(12)), allow_mixed_levels=True, max_epochs=1))
    assert results["status"] == "ok"
    assert results["level_of_theory"] == "Morse + PBE"
    assert any("mixed" in warning for warning in results["warnings"])


def test_empty_data_set_is_refused(program, tmp_path):
    folder = prepare(tmp_path / "job", labelled_frames(2))
    (folder / "dataset.extxyz").write_text("")
    results = run(program, folder)
    assert results["kind"] == "INVALID_INPUT"
    assert "\n" not in results["message"]


def test_unknown_setting_is_refused(program, tmp_path):
    results = run(program, prepare(tmp_path / "job", labelled_frames(4), batchsize=3))
    assert results["kind"] == "INVALID_INPUT"
    assert "batch_size" in results["message"]
