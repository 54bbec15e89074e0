"""The program as a whole on a toy potential; once on a real one."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.program import execute
from aiida_elyte.science.contact import shortest_distances
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.settings import read_md_settings
from aiida_elyte.science.dynamics.starts import read_starts
from aiida_elyte.science.frames import committee_of, labels_of, read_frames, write_frames
from aiida_elyte.science.structure.rmsd import framework_rmsd
from aiida_elyte.science.trajectory.reduction import unpack_series
from tests.remote import toy_md
from tests.remote.programs import run_md

SETTINGS = {
    "ensemble": "nvt_langevin",
    "temperature_K": 300.0,
    "timestep_fs": 2.0,
    "n_steps": 200,
    "ramp": {"start_K": 50.0, "ramp_steps": 30, "hold_steps": 15},
    "replicas": [{"seed": 1, "member": "m00"}, {"seed": 2, "member": "m01"}, {"seed": 3, "member": "m00"}],
    "sample_stride": 50,
    "spread_stride": 20,
    "series_stride": 5,
    "trajectory_stride": 10,
    "checkpoint_seconds": 1e-9,
    "stops": {"framework": ["Cl"]},
}
FAMILY = "aiida_elyte.science.potentials.painn.family:PainnFamily"
needs_schnetpack = pytest.mark.skipif(find_spec("schnetpack") is None, reason="SchNetPack is not installed")
RECORDS = (
    "shortest_A",
    "framework_rmsd_A",
    "lindemann",
    "temperature_extremes_K",
    "history",
    "spread_eV_A",
    "energy_drift_eV_atom_ps",
)
OUTPUTS = ("sampled.extxyz", *(f"trajectory_r{index}.xyz" for index in range(3)))


def prepare(folder: Path, **changes) -> Path:
    folder.mkdir(exist_ok=True)
    write_frames([bulk("NaCl", "rocksalt", a=5.6, cubic=True)], folder / "start.extxyz")
    path = folder / "settings.json"
    path.write_text(json.dumps({**SETTINGS, **changes}))
    return path


def launch(folder: Path, max_seconds: float | None = None, **changes) -> dict:
    path = prepare(folder, **changes)
    (folder / "limits.json").write_text(json.dumps({"max_wallclock_seconds": max_seconds}))
    execute(toy_md.run, path)
    return json.loads((folder / "results.json").read_text())


def series_of(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "series.npz") as arrays:
        return dict(arrays)


def assert_same_outputs(first: Path, second: Path) -> None:
    for name in OUTPUTS:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    found, expected = (json.loads((folder / "results.json").read_text()) for folder in (first, second))
    for name in RECORDS:
        assert found[name] == expected[name], name
    ours, theirs = series_of(first), series_of(second)
    assert ours.keys() == theirs.keys()
    for key, array in ours.items():
        assert np.array_equal(array, theirs[key]), key


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    assert launch(folder)["status"] == "ok"
    return folder


def test_outputs_hold_what_was_asked_for(unbroken):
    results = json.loads((unbroken / "results.json").read_text())
    assert results["n_steps_done"] == {"r0": 200, "r1": 200, "r2": 200}
    assert results["steps_run_in_this_job"] == 245
    assert results["resumed_from_step"] is None
    assert results["stops"] == {}
    assert results["thermostat"] == {"ensemble": "nvt_langevin", "friction_per_ps": 1.0}
    assert results["members"] == {"r0": "m00", "r1": "m01", "r2": "m00"}
    frames = read_frames(unbroken / "sampled.extxyz")
    assert sorted(frame.info["origin"] for frame in frames) == sorted(
        f"r{index}#{step}" for index in range(3) for step in (50, 100, 150, 200)
    )
    # the members' forces are -2.0 d and -1.5 d, so that an atom's spread is |0.5 d| / √2
    start = bulk("NaCl", "rocksalt", a=5.6, cubic=True).positions
    away = np.linalg.norm(frames[0].positions - start, axis=1)
    assert frames[0].info["spread_max_eV_A"] == pytest.approx(0.5 * away.max() / np.sqrt(2), rel=0.2)
    for frame in frames:
        forces, spread = committee_of(frame)
        driving = -(2.0 if frame.info["member"] == "m00" else 1.5) * (frame.positions - start)
        shares = frame.get_masses()[:, None] / frame.get_masses().sum()  # of the net force, taken from the driver's
        expected = (-3.5 * (frame.positions - start) - shares * driving.sum(axis=0)) / 2
        np.testing.assert_allclose(forces, expected, atol=5.1e-6, rtol=0)
        assert spread.max() == pytest.approx(frame.info["spread_max_eV_A"], abs=1e-5)
        assert labels_of(frame) == {}
    series = unpack_series(series_of(unbroken))
    assert [one.replica for one in series] == ["r0", "r1", "r2"]
    assert series[0].time_fs[-1] == 400.0
    assert len(series[0].time_fs) == 41
    assert series[0].member == "m00"
    assert len(read_frames(unbroken / "trajectory_r0.xyz")) == 21


def test_what_was_observed_is_what_the_trajectory_shows(unbroken):
    results = json.loads((unbroken / "results.json").read_text())
    start = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    for label in ("r0", "r1"):
        frames = read_frames(unbroken / f"trajectory_{label}.xyz")  # every 10 steps, as the looks
        steps = [10 * index for index in range(len(frames))]
        shortest = [shortest_distances(frame, 4.0) for frame in frames]
        for pair, found in results["shortest_A"][label].items():
            series = [one.get(pair, np.inf) for one in shortest]
            assert found["distance"] == pytest.approx(min(series), abs=1e-5)
            assert found["step"] == steps[int(np.argmin(series))]
        rmsd = [framework_rmsd(frame, start, ["Cl"]) for frame in frames]
        found = results["framework_rmsd_A"][label]
        assert (found["last"], found["max"]) == pytest.approx((rmsd[-1], max(rmsd)), abs=1e-5)
        assert found["step"] == steps[int(np.argmax(rmsd))]
        history = results["history"][label]
        assert history["step"] == steps
        np.testing.assert_allclose(history["framework_rmsd_A"], rmsd, atol=1e-5)
        assert results["lindemann"][label]["max"] == pytest.approx(max(rmsd) / (5.6 / 2**0.5), abs=1e-5)
        assert results["temperature_extremes_K"][label]["max"] == pytest.approx(max(history["temperature_K"]), abs=0.01)
        assert history["spread"]["step"] == [
            10 * index for index in range(21) if 10 * index % 20 == 0 or index in (5, 15)
        ]


def test_without_a_framework_there_is_no_value_of_it(tmp_path):
    results = launch(tmp_path, n_steps=20, stops={})
    assert (results["framework"], results["framework_rmsd_A"], results["lindemann"]) == ([], {}, {})
    assert results["history"]["r0"]["framework_rmsd_A"] == [None, None, None]
    assert set(results["shortest_A"]["r0"]) == {"Cl-Na", "Cl-Cl", "Na-Na"}


def test_currents_are_the_slopes_of_the_displacements(unbroken):
    for one in unpack_series(series_of(unbroken)):
        assert one.currents_A_fs.shape == one.collective_A.shape
        assert np.abs(one.currents_A_fs).max() > 1e-3
        # 10 fs between samples: the mean of both ends' velocities is the slope between them, but for the curvature
        slope = np.diff(one.collective_A, axis=0) / one.interval_fs
        middle = (one.currents_A_fs[1:] + one.currents_A_fs[:-1]) / 2
        assert np.corrcoef(slope.ravel(), middle.ravel())[0, 1] > 0.99
        np.testing.assert_allclose(slope, middle, atol=0.2 * np.abs(middle).max())


def test_a_replica_moves_the_same_alone(unbroken, tmp_path):
    launch(tmp_path, replicas=[{"seed": 3, "member": "m00"}])
    assert (tmp_path / "trajectory_r0.xyz").read_text() == (unbroken / "trajectory_r2.xyz").read_text()


@pytest.mark.parametrize("ensemble", ["nvt_langevin", "nvt_nose_hoover"])
def test_killed_and_continued_equals_unbroken(tmp_path, ensemble):
    changes = {"ensemble": ensemble, "n_steps": 400, "checkpoint_seconds": 0.2}
    assert launch(tmp_path / "unbroken", **changes)["status"] == "ok"
    broken = tmp_path / "broken"
    path = prepare(broken, **changes)
    slow = {**os.environ, "TOY_PAUSE": "0.001"}
    n_kills = 0
    while not (broken / "results.json").exists():
        process = subprocess.Popen([sys.executable, toy_md.__file__, path], env=slow)
        # kill it in the middle of its work, twice, a moment after it has written a checkpoint of its own
        before = _age(broken)
        while n_kills < 2 and process.poll() is None:
            if _age(broken) != before:
                time.sleep(0.1)
                process.send_signal(signal.SIGKILL)
                n_kills += 1
                break
            time.sleep(0.005)
        process.wait(timeout=120)
    results = json.loads((broken / "results.json").read_text())
    assert n_kills == 2
    assert results["status"] == "ok"
    assert results["resumed_from_step"] > -45
    assert results["steps_run_in_this_job"] == 400 - results["resumed_from_step"]
    assert_same_outputs(tmp_path / "unbroken", broken)


def _age(folder: Path) -> int:
    path = folder / run_md.CHECKPOINT
    return path.stat().st_mtime_ns if path.exists() else 0


def test_out_of_wall_time_leaves_a_checkpoint_and_goes_on(unbroken, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(toy_md, "PAUSE", 0.002)
        results = launch(tmp_path, max_seconds=0.9)
    assert results["kind"] == "OUT_OF_WALLTIME"
    assert results["n_steps_done"]["r0"] < 200
    assert (tmp_path / "series.npz").exists()
    results = launch(tmp_path)
    assert results["status"] == "ok"
    assert results["resumed_from_step"] is not None
    assert_same_outputs(unbroken, tmp_path)


def test_checkpoint_travels_to_another_folder_and_a_finished_run_is_extended(unbroken, tmp_path):
    assert launch(tmp_path / "first", n_steps=100)["status"] == "ok"
    second = tmp_path / "second"
    second.mkdir()
    for name in (run_md.CHECKPOINT, *OUTPUTS):
        (second / name).write_bytes((tmp_path / "first" / name).read_bytes())
    results = launch(second, n_steps=200)
    assert results["resumed_from_step"] == 100
    assert results["steps_run_in_this_job"] == 100
    assert_same_outputs(unbroken, second)


def test_a_finished_run_called_again_changes_nothing(tmp_path, unbroken):
    launch(tmp_path)
    results = launch(tmp_path)
    assert results["steps_run_in_this_job"] == 0
    assert_same_outputs(unbroken, tmp_path)


def test_other_settings_than_those_of_the_checkpoint_are_refused(tmp_path):
    launch(tmp_path, n_steps=20)
    results = launch(tmp_path, n_steps=20, timestep_fs=1.0)
    assert results["kind"] == "INVALID_INPUT"
    assert results["message"].startswith("checkpoint.npz belongs to another run: timestep_fs is 2.0 there and 1.0 here")


def test_a_checkpoint_without_its_outputs_is_refused(tmp_path):
    launch(tmp_path, n_steps=20)
    (tmp_path / "trajectory_r1.xyz").unlink()
    results = launch(tmp_path, n_steps=40)
    assert results["kind"] == "INVALID_INPUT"
    assert "copy trajectory_r1.xyz along with the checkpoint" in results["message"]


def test_hot_replicas_stop_and_the_others_go_on(unbroken, tmp_path):
    hottest = sorted(one.temperature_K.max() for one in unpack_series(series_of(unbroken)))
    limit = float(hottest[0] + hottest[1]) / 2.0  # one replica stays below
    results = launch(tmp_path, stops={"max_temperature_K": limit, "stride": 5})
    assert results["status"] == "ok"
    assert len(results["stops"]) == 2
    for label, stop in results["stops"].items():
        assert stop["kind"] == "EXPLODED"
        assert results["n_steps_done"][label] == max(stop["step"], 0) < 200
        (frame,) = [
            f for f in read_frames(tmp_path / "sampled.extxyz") if f.info.get("stop") and f.info["replica"] == label
        ]
        assert frame.info["origin"] == f"{label}#{stop['step']}"
        assert frame.info["temperature_K"] > limit
    for label in set(results["n_steps_done"]) - set(results["stops"]):
        assert results["n_steps_done"][label] == 200


@pytest.mark.parametrize(
    ("stops", "kind", "words"),
    [
        ({"min_distance_factor": 1.2}, "COLLIDED", "Å apart; the limit is"),
        ({"max_temperature_K": 60.0}, "EXPLODED", "the limit is 60 K"),
        ({"framework": ["Cl"], "max_framework_rmsd_A": 0.05}, "MOLTEN", "the Cl framework moved"),
        ({"max_spread_eV_A": 0.01}, "UNCERTAIN", "members spread by"),
    ],
)
def test_all_stopped_fails_with_the_kind_of_the_first(tmp_path, stops, kind, words):
    results = launch(tmp_path, stops=stops)
    assert (results["status"], results["kind"]) == ("failed", kind)
    assert words in results["message"]
    assert len(results["stops"]) == 3
    stopped = [frame for frame in read_frames(tmp_path / "sampled.extxyz") if frame.info.get("stop") == kind]
    assert len(stopped) == 3
    assert all(committee_of(frame) is not None for frame in stopped)
    assert len(unpack_series(series_of(tmp_path))) == 3


def test_a_replica_whose_forces_are_no_numbers_leaves_its_last_sound_frame(tmp_path):
    class Broken(toy_md.Tethers):
        n_calls = 0

        def forward(self, state, **kwargs):
            found = super().forward(state)
            Broken.n_calls += 1
            if Broken.n_calls > 100:
                found["forces"] *= torch.nan
            return found

    def run(job):
        sites = torch.as_tensor(read_frames(job.folder / "start.extxyz")[0].positions)
        member = partial(Forces, Broken(sites, 2.0))
        return run_md.simulate(job, read_md_settings(job.settings), {"m00": member})

    path = prepare(tmp_path, replicas=[{"seed": 1, "member": "m00"}])
    assert execute(run, path) == 1
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["kind"] == "EXPLODED"
    # the first of 101 evaluations is that of the start, so that the 101st ends the 100th step: 45 + 55
    assert results["stops"]["r0"]["step"] == 55
    frames = read_frames(tmp_path / "sampled.extxyz")
    assert frames[-1].info["stop"] == "EXPLODED"
    assert np.isfinite(frames[-1].positions).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature_K": -3}, "temperature_K is -3; expected a positive number"),
        ({"replicas": [{"seed": 1, "member": "m07"}]}, "replicas[0].member is 'm07'; expected one of the potentials"),
        ({"stops": {"framework": ["P"], "max_framework_rmsd_A": 1.0}}, "stops.framework names ['P'], which the start"),
        ({"replicas": [{"seed": 1, "member": "m00"}] * 2}, "replicas 0 and 1 have the same seed 1"),
    ],
)
def test_bad_input_is_refused(tmp_path, changes, message):
    results = launch(tmp_path, **changes)
    assert results["kind"] == "INVALID_INPUT"
    assert message in results["message"]


def test_number_of_start_frames_must_fit(tmp_path):
    write_frames([bulk("NaCl", "rocksalt", a=5.6, cubic=True)] * 2, tmp_path / "start.extxyz")
    with pytest.raises(InputError, match="holds 2 frames for 3 replicas"):
        read_starts(tmp_path / "start.extxyz", read_md_settings(SETTINGS))


def test_supercell_repeats_the_start(tmp_path):
    results = launch(tmp_path, supercell=[2, 1, 1], n_steps=10)
    assert results["n_atoms"]["r0"] == 16


@needs_schnetpack
@pytest.mark.parametrize("ensemble", ["nvt_langevin", "npt_nose_hoover"])
def test_real_potentials_continue_exactly(tmp_path, ensemble):
    from aiida_elyte.science.potentials.painn.model import build_painn
    from aiida_elyte.science.potentials.painn.storage import save_painn

    changes = {"ensemble": ensemble, "n_steps": 30, "ramp": {"ramp_steps": 5}, "temperature_K": 100.0}
    changes["families"] = {"m00": FAMILY, "m01": FAMILY}
    changes["device"] = "cpu"  # a GPU adds the messages of an atom in an order of its own each time
    lengths = {"broken": (20, 30), "unbroken": (30,)}
    for name, steps in lengths.items():
        folder = tmp_path / name
        for n_steps in steps:
            path = prepare(folder, **{**changes, "n_steps": n_steps})
            for member in range(2):
                architecture = {"n_features": 8, "n_layers": 1, "cutoff_A": 4.0}
                potential = build_painn(architecture, energy_reference=["Na", "Cl"], scale=0.01, seed=member)
                save_painn(potential, folder / f"m0{member}.pt")
            assert run_md.main(path) == 0, (folder / "results.json").read_text()
    assert_same_outputs(tmp_path / "unbroken", tmp_path / "broken")
    results = json.loads((tmp_path / "unbroken" / "results.json").read_text())
    assert results["spread_eV_A"]["r0"]["max"] > 0.0


@needs_schnetpack
def test_an_element_the_potential_does_not_know_is_refused(tmp_path):
    from aiida_elyte.science.potentials.painn.model import build_painn
    from aiida_elyte.science.potentials.painn.storage import save_painn

    path = prepare(tmp_path, families={"m00": FAMILY})
    save_painn(build_painn({"n_features": 8}, energy_reference=["Li", "Cl"]), tmp_path / "m00.pt")
    assert run_md.main(path) == 1
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["kind"] == "INVALID_INPUT"
    assert "Na" in results["message"]


def test_a_potential_of_no_family_is_named(tmp_path):
    path = prepare(tmp_path)
    (tmp_path / "m00.pt").write_bytes(b"weights")
    assert run_md.main(path) == 1
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["kind"] == "INVALID_INPUT"
    assert "families lacks ['m00']" in results["message"]


def test_a_family_that_is_not_installed_is_a_missing_engine(tmp_path):
    path = prepare(tmp_path, families={"m00": "elsewhere.family:Family"})
    (tmp_path / "m00.pt").write_bytes(b"weights")
    assert run_md.main(path) == 1
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["kind"] == "ENGINE_MISSING"
    assert "elsewhere" in results["message"]


@needs_schnetpack
def test_members_of_two_families_drive_replicas_and_judge_each_other(tmp_path):
    from aiida_elyte.science.potentials.painn.model import build_painn
    from aiida_elyte.science.potentials.painn.storage import save_painn

    families = {"m00": FAMILY, "m01": "tests.science.potentials.toy_family:SoftSphereFamily"}
    path = prepare(tmp_path, families=families, n_steps=20, device="cpu")
    save_painn(build_painn({"n_features": 8}, energy_reference=["Na", "Cl"], scale=0.01), tmp_path / "m00.pt")
    spheres = {"family": "soft-spheres", "elements": ["Cl", "Na"], "strength_eV": 0.1, "cutoff_A": 4.0}
    (tmp_path / "m01.pt").write_text(json.dumps(spheres))
    assert run_md.main(path) == 0, (tmp_path / "results.json").read_text()
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results["families"]) == {"painn", "soft-spheres"}
    assert results["families"]["soft-spheres"].keys() == {"torch-sim-atomistic"}
    assert all(one["max"] > 0 for one in results["spread_eV_A"].values())
