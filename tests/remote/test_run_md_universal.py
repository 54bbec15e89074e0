"""Dynamics with a universal potential, before anything is trained."""

import json

import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.science.frames import read_frames, write_frames
from aiida_elyte.science.potentials.chgnet.family import ChgnetFamily
from tests.remote.programs import run_md

pytestmark = pytest.mark.engine("chgnet")


def run(folder, names):
    write_frames([bulk("LiCl", "rocksalt", a=5.1, cubic=True)], folder / "start.extxyz")
    for index, name in enumerate(names):
        (folder / f"m{index:02d}.pt").write_bytes(ChgnetFamily.pretrained()[name])
    settings = {
        "ensemble": "nve",
        "temperature_K": 300.0,
        "timestep_fs": 1.0,
        "n_steps": 20,
        "replicas": [{"seed": 1, "member": "m00"}],
        "sample_stride": 10,
        "device": "cpu",
        "families": {f"m{index:02d}": ChgnetFamily.reference() for index in range(len(names))},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    assert run_md.main(folder / "settings.json") == 0, (folder / "results.json").read_text()
    return json.loads((folder / "results.json").read_text()), read_frames(folder / "sampled.extxyz")


def test_one_member_drives_and_has_no_spread(tmp_path):
    results, frames = run(tmp_path, ["chgnet"])
    assert set(results["families"]["chgnet"]) == {"torch", "chgnet", "torch-sim-atomistic"}
    assert abs(results["energy_drift_eV_atom_ps"]["r0"]) < 0.05
    assert len(frames) == 2
    assert not any("spread_max_eV_A" in frame.info for frame in frames)


def test_versions_of_the_weights_make_a_committee(tmp_path):
    _, frames = run(tmp_path, ["chgnet-0.3.0", "chgnet-r2scan"])
    assert all(np.isfinite(frame.info["spread_max_eV_A"]) and frame.info["spread_max_eV_A"] > 0 for frame in frames)
