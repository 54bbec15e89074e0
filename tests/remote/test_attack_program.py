"""The program ``attack`` without AiiDA: frames, scale of energies, continued runs."""

import json

import numpy as np
import pytest
import torch
from ase.build import bulk

from aiida_elyte.remote.attack import main
from aiida_elyte.science.frames import attach_labels, block_of, committee_of, read_frames, write_frames
from aiida_elyte.science.potentials.painn.family import PainnFamily
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.storage import save_painn

ARCHITECTURE = {"n_features": 8, "n_layers": 1, "n_rbf": 6, "cutoff_A": 4.0}
SETTINGS = {
    "temperature_K": 1500.0,
    "replicas": [{"seed": 5, "member": "m00"}, {"seed": 6, "member": "m01"}],
    "frames_per_replica": 2,
    "n_steps": 5,
    "batch_size": 2,
    "device": "cpu",
}


def crystal(seed=0):
    frame = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    frame.rattle(0.08, seed=seed)
    frame.info = {"origin": f"seeds#{seed}"}
    return frame


@pytest.fixture
def job(tmp_path):
    """Folder of a job with two members and three labelled frames, and a function that runs it."""
    for index in range(2):
        network = build_painn(ARCHITECTURE, energy_reference=["Cl", "Li"], seed=index, scale=2.0, dtype=torch.float64)
        save_painn(network, tmp_path / f"m{index:02d}.pt")
    write_frames([crystal()], tmp_path / "start.extxyz")
    labelled = [attach_labels(crystal(seed), energy=0.0, forces=np.zeros((8, 3))) for seed in range(3)]
    write_frames(labelled, tmp_path / "dataset.extxyz")
    families = {f"m{index:02d}": PainnFamily.reference() for index in range(2)}

    def run(max_seconds=None, **changes):
        (tmp_path / "settings.json").write_text(json.dumps({**SETTINGS, "families": families, **changes}))
        limits = {} if max_seconds is None else {"max_wallclock_seconds": max_seconds}
        (tmp_path / "limits.json").write_text(json.dumps(limits))
        main(tmp_path / "settings.json")
        return json.loads((tmp_path / "results.json").read_text())

    return tmp_path, run


def test_each_replica_attacks_from_labelled_frames(job):
    folder, run = job
    results = run()
    assert results["status"] == "ok", results.get("message")
    frames = read_frames(folder / "sampled.extxyz")
    assert (results["n_attacks"], results["n_frames"]) == (4, len(frames))
    assert [block_of(frame) for frame in frames] == ["r0a0", "r0a1", "r1a0", "r1a1"]
    assert results["spread_gain_median"] > 1
    assert results["dropped"] == {}
    assert set(results["families"]) == {"painn"}
    for frame in frames:
        assert frame.info["attacked_from"].startswith("seeds#")
        assert frame.info["spread_max_eV_A"] >= frame.info["spread_mean_eV_A"] > 0
        assert committee_of(frame) is not None


def test_a_job_that_was_killed_goes_on_where_it_was(job, tmp_path, monkeypatch):
    folder, run = job
    whole = run()
    expected = (folder / "sampled.extxyz").read_text()
    for name in ("sampled.extxyz", "checkpoint.npz"):
        (folder / name).unlink()
    stops = iter([False, True])
    with monkeypatch.context() as patch:
        patch.setattr("aiida_elyte.program.Job.should_stop", lambda *_: next(stops))
        stopped = run()
    assert stopped["kind"] == "OUT_OF_WALLTIME"
    assert stopped["n_frames"] == 2
    with (folder / "sampled.extxyz").open("a") as file:
        file.write("what was written after the checkpoint")
    resumed = run()
    assert resumed["resumed_from_attack"] == 2
    assert (folder / "sampled.extxyz").read_text() == expected
    assert resumed["n_frames"] == whole["n_frames"]
    assert run(n_steps=6)["kind"] == "INVALID_INPUT"


def test_frames_that_all_start_too_close_end_with_the_reason(job):
    results = run_failed(job[1], min_distance_factor=2.0)
    assert results["kind"] == "NO_FRAME"
    assert "all 4 were dropped, the first because: start too close" in results["message"]


def run_failed(run, **changes):
    results = run(**changes)
    assert results["status"] == "failed"
    return results
