"""The sampling program in its folder: clusters and boxes, the committee's spread, what breaks, what is taken up."""

import json
from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.science.frames import block_of, read_frames, write_frames
from aiida_elyte.science.molecules.matching import match
from aiida_elyte.science.molecules.perception import topology_from_frame
from tests.ions import RECIPE, begun_force_field, clusters, with_scaled_bonds
from tests.liquid import ENVIRONMENT, PROGRAMS
from tests.remote.programs import finish, sample_clusters

pytestmark = pytest.mark.engine("lmp")

SETTINGS = {
    "replicas": [{"seed": 5, "member": "m00"}, {"seed": 6, "member": "m01"}],
    "temperature_K": 400.0,
    "n_steps": 400,
    "sample_stride": 100,
    "timestep_fs": 1.0,
}
BOXES = {
    "count": 1,
    "n_atoms": 200,
    "n_units": 4,
    "density_g_cm3": 0.3,
    "pressure_bar": 1000.0,
    "compress_steps": 500,
    "cutoff_A": 8.0,
    "radius_A": 4.0,
    "max_atoms": 60,
    "n_cuts": 2,
    "recipe": RECIPE,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    write_frames(clusters(), tmp_path / "start.extxyz")
    force_field = begun_force_field()
    (tmp_path / "m00.json").write_text(force_field.to_json())
    (tmp_path / "m01.json").write_text(with_scaled_bonds(force_field, 1.02).to_json())
    (tmp_path / "engine.sh").write_text(f'exec {PROGRAMS}/lmp "$@"\n')
    return tmp_path


def launch(folder, **changes):
    (folder / "settings.json").write_text(json.dumps({**SETTINGS, **changes}))
    return finish(sample_clusters, folder)


def test_clusters_are_sampled_whole_with_the_spread_of_the_committee(folder):
    results = launch(folder)
    assert results["status"] == "ok", results
    assert results["n_frames"] == 8
    assert results["stops"] == {}
    starts = clusters()
    frames = read_frames(folder / "sampled.extxyz")
    topology = topology_from_frame(starts[0], 0)
    for number, frame in enumerate(frames):
        # Starts take turns.
        start = starts[0 if number < 4 else 1]
        assert block_of(start) in frame.info["origin"]
        assert np.abs(frame.positions - start.positions).max() > 0.05
        match(topology, topology_from_frame(frame, 0))
        assert frame.info["charge"] == 0
        assert frame.info["member"] == ("m00" if number < 4 else "m01")
        assert frame.info["origin"].endswith(f"#{100 * (number % 4 + 1)}")
        # Bonds of some 1.1 to 1.5 Å, 2 % longer, with k2 = 300 kcal/mol/Å²: 2 k2 Δr is about 15 kcal/mol/Å, 0.7 eV/Å.
        assert 0.1 < frame.info["spread_mean_eV_A"] < frame.info["spread_max_eV_A"] < 5


def test_clusters_are_cut_out_of_a_small_box(folder):
    results = launch(folder, boxes=BOXES)
    assert results["status"] == "ok", results
    frames = [frame for frame in read_frames(folder / "sampled.extxyz") if frame.info["origin"].startswith("box-")]
    # One box of two runs, four frames; there is one lithium in it to cut around.
    assert len(frames) == 4
    for frame in frames:
        assert not frame.pbc.any()
        assert len(frame) <= 60
        centre = np.linalg.norm(frame.positions, axis=1).argmin()
        assert frame[int(centre)].symbol == "Li"
        assert np.isfinite(frame.info["spread_max_eV_A"])
        topology_from_frame(frame, frame.info["charge"])


def test_finished_runs_are_kept_by_the_job_that_goes_on(folder):
    launch(folder, replicas=SETTINGS["replicas"][:1])
    first = (folder / "sampled.extxyz").read_text()
    results = launch(folder)
    assert results["n_frames"] == 8
    assert (folder / "sampled.extxyz").read_text().startswith(first)


def test_a_cluster_that_is_torn_is_told_and_the_others_are_kept(folder):
    force_field = begun_force_field()
    # Bonds that want to be 1.6 times as long break the graph of the start at once.
    (folder / "m01.json").write_text(with_scaled_bonds(force_field, 1.6).to_json())
    results = launch(folder)
    assert results["status"] == "ok", results
    assert results["n_frames"] == 4
    assert "bond" in results["stops"]["r1"]


def test_a_replica_that_cannot_be_built_loses_only_itself(folder):
    results = launch(folder, boxes={**BOXES, "recipe": {**RECIPE, "solvents": {"DME": {"smiles": "CCCC"}}}})
    assert results["status"] == "ok", results
    assert results["n_frames"] == 4
    assert "expected" in results["stops"]["r1"]


def test_steps_of_a_box_count_from_where_sampling_begins(folder):
    launch(folder, boxes=BOXES, sample_stride=150)  # it begins at step 2500, and 2550 is the first that is dumped
    frames = [frame for frame in read_frames(folder / "sampled.extxyz") if frame.info["origin"].startswith("box-")]
    assert [frame.info["origin"].partition("#")[2] for frame in frames] == ["50", "200", "350"]


def is_running(pid):
    """Tell whether a process computes: one that is dead may still have to be reaped by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_run_longer_than_a_job_is_told_and_its_lammps_ends(folder):
    (folder / "limits.json").write_text(json.dumps({"max_wallclock_seconds": 3}))
    (folder / "engine.sh").write_text(f"sleep 1000 & echo $! > {folder}/pid; wait\n")
    for n_done in (1, 2):
        results = launch(folder)
        assert results["kind"] == ("OUT_OF_WALLTIME" if n_done == 1 else "NO_FRAME")
        with np.load(folder / "checkpoint.npz") as arrays:
            stops = json.loads(str(arrays["state"]))["stops"]
        assert len(stops) == n_done
        assert "did not end within" in stops[-1]
        assert not is_running(int((folder / "pid").read_text()))


def test_no_lammps_and_no_class_2_are_told(folder):
    (folder / "engine.sh").write_text('exec no-such-lmp "$@"\n')
    results = launch(folder)
    assert results["kind"] == "LAMMPS_MISSING"
    assert "no-such-lmp" in results["message"]


def test_a_member_that_is_not_there_is_refused(folder):
    results = launch(folder, replicas=[{"seed": 1, "member": "m07"}])
    assert results["kind"] == "INVALID_INPUT"
    assert "names member 'm07'; expected one of m00, m01" in results["message"]
