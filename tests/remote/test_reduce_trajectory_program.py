"""The reducing program in its folder: outputs, an interrupted run, bad settings."""

import json
import time

import numpy as np
import pytest
from ase import Atoms
from ase.io.trajectory import Trajectory

from aiida_elyte.science.trajectory import readers
from aiida_elyte.science.trajectory.reduction import unpack_series
from tests.remote.programs import finish, reduce_trajectory

PDB = "\n".join(
    [
        f"HETATM{index + 1:5d} {name:>4s} {residue:3s} A{number:4d}    {0:8.3f}{0:8.3f}{0:8.3f}{1:6.2f}{0:6.2f}"
        f"          {element:>2s}"
        for index, (name, residue, number, element) in enumerate(
            [("LI", "LI", 1, "Li"), ("B1", "BF2", 2, "B"), ("F1", "BF2", 2, "F"), ("F2", "BF2", 2, "F")]
        )
    ]
    + ["END", ""]
)
SETTINGS = {
    "trajectories": {"a": "a.traj", "b": "b.traj"},
    "topology": "system.pdb",
    "timestep_fs": 20.0,
    "molecules": {"BF2": "resname BF2"},
    "tracked": ["Li", "BF2"],
    "members": {"b": "m01"},
}
N_FRAMES = 30


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.traj", "b.traj"):
        positions = rng.uniform(0, 9, (4, 3)) + np.cumsum(rng.normal(0, 0.3, (N_FRAMES, 4, 3)), axis=0)
        with Trajectory(tmp_path / name, "w") as file:
            for frame in positions:
                file.write(Atoms("LiBF2", positions=frame, cell=np.eye(3) * 9, pbc=True))
    (tmp_path / "system.pdb").write_text(PDB)
    return tmp_path


def launch(folder, max_seconds=None, **changes):
    (folder / "settings.json").write_text(json.dumps({**SETTINGS, **changes}))
    (folder / "limits.json").write_text(json.dumps({"max_wallclock_seconds": max_seconds}))
    return finish(reduce_trajectory, folder)


def series_of(folder):
    with np.load(folder / "series.npz") as arrays:
        return unpack_series(dict(arrays))


def test_outputs_hold_the_series_and_what_is_known_of_them(folder):
    results = launch(folder)
    assert results["status"] == "ok"
    assert results["n_frames"] == {"a": N_FRAMES, "b": N_FRAMES}
    assert results["interval_fs"] == {"a": 20.0, "b": 20.0}
    assert results["species"] == {"a": {"Li": 1, "BF2": 1}, "b": {"Li": 1, "BF2": 1}}
    assert results["notes"] == {"a": [], "b": []}
    assert results["resumed_from_frame"] is None
    assert results["frames_read_in_this_job"] == 2 * N_FRAMES
    first, second = series_of(folder)
    assert (first.replica, first.member, second.replica, second.member) == ("a", "", "b", "m01")
    with Trajectory(folder / "b.traj") as file:
        positions = np.array([atoms.positions for atoms in file])
        masses = file[0].get_masses()
    moved = positions - positions[0]
    centre = np.einsum("tad,a->td", moved[:, 1:], masses[1:]) / masses[1:].sum()
    np.testing.assert_allclose(second.collective_A, np.stack([moved[:, 0], centre], axis=1), atol=1e-10)


def test_stride_leaves_frames_out(folder):
    results = launch(folder, stride=4)
    assert results["n_frames"]["a"] == 8
    assert results["interval_fs"]["a"] == 80.0


@pytest.mark.parametrize("stop_after", [10, 45])
def test_stopped_before_the_wall_time_and_continued_equals_unbroken(folder, monkeypatch, stop_after):
    launch(folder)
    unbroken = series_of(folder)
    (folder / "checkpoint.npz").unlink()
    (folder / "series.npz").unlink()
    read = iter(range(stop_after))

    class Late(reduce_trajectory.Job):
        def should_stop(self, reserve_s=0.0):
            return next(read, None) is None

    with monkeypatch.context() as patch:
        patch.setattr("aiida_elyte.program.Job", Late)
        results = launch(folder)
    assert results["kind"] == "OUT_OF_WALLTIME"
    assert results["n_frames"] == ({"a": 11} if stop_after == 10 else {"a": 30, "b": 16})
    assert not (folder / "series.npz").exists()
    results = launch(folder, checkpoint_seconds=10.0)
    assert results["status"] == "ok"
    assert results["resumed_from_frame"] == (stop_after + 1) % N_FRAMES
    assert results["frames_read_in_this_job"] == 2 * N_FRAMES - stop_after - 1
    assert results["n_frames"] == {"a": N_FRAMES, "b": N_FRAMES}
    for ours, theirs in zip(series_of(folder), unbroken, strict=True):
        for name, array in theirs.to_arrays().items():
            np.testing.assert_array_equal(ours.to_arrays()[name], array)


def test_a_run_with_too_little_wall_time_leaves_a_checkpoint(folder, monkeypatch):
    take = readers.Reducer.add
    monkeypatch.setattr(readers.Reducer, "add", lambda *args, **options: (time.sleep(0.02), take(*args, **options)))
    results = launch(folder, max_seconds=0.2)
    assert results["kind"] == "OUT_OF_WALLTIME"
    assert "resume to read the others" in results["message"]
    assert 0 < results["n_frames"]["a"] < N_FRAMES
    assert (folder / "checkpoint.npz").exists()


def test_a_finished_run_started_again_reads_nothing(folder):
    launch(folder)
    before = series_of(folder)
    results = launch(folder)
    assert results["frames_read_in_this_job"] == 0
    np.testing.assert_array_equal(series_of(folder)[1].collective_A, before[1].collective_A)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trajectories": {}}, "trajectories is {}; expected replica → file name"),
        ({"trajectories": {"a": "c.traj"}, "members": {}}, "c.traj is not there; expected a file"),
        ({"timestep": 2.0}, "settings has 'timestep'; expected trajectories, topology"),
        (
            {"timestep_fs": None},
            "tells no times; expected the time between its frames [fs]; give --timestep-fs (timestep_fs in Python)",
        ),
        ({"topology": None}, "molecules are selected without a topology"),
        ({"members": {"z": "m00"}}, "members name z; expected replicas among a, b"),
        ({"molecules": {"TFSI": "resname TFSI"}}, "matches no atom"),
        ({"tracked": ["Na"]}, "tracked names Na; expected species among Li, BF2"),
        ({"stride": 0}, "settings: stride is 0; expected a whole number, 1 or more"),
        ({"max_megabytes": "many"}, "settings: max_megabytes is 'many'; expected a positive number"),
        ({"tracked": "Li"}, "settings: tracked is 'Li'; expected a list of species"),
        ({"stride": 40}, "holds one whole frame at stride 40; expected two or more"),
    ],
)
def test_bad_settings_are_refused_in_one_line_and_nothing_is_written(folder, changes, said):
    results = launch(folder, **changes)
    assert results["kind"] == "INVALID_INPUT"
    assert said in results["message"]
    assert "\n" not in results["message"]
    assert not (folder / "series.npz").exists()


def test_a_checkpoint_of_other_settings_is_refused(folder):
    launch(folder)
    results = launch(folder, stride=2)
    assert results["kind"] == "INVALID_INPUT"
    assert "checkpoint.npz belongs to another run: " in results["message"]


@pytest.mark.parametrize("stop_after", [5, 20])
def test_the_longest_bond_is_found_whether_the_run_was_interrupted_or_not(folder, monkeypatch, stop_after):
    (folder / "system.pdb").write_text(PDB.replace("END", "CONECT    2    3    4\nEND"))
    for name, torn in (("a.traj", 12), ("b.traj", None)):
        with Trajectory(folder / name, "w") as file:
            for number in range(N_FRAMES):
                length = 2.9 if number == torn else 1.3
                positions = (
                    np.array([[1.0 + 0.05 * number, 1, 1], [8.9, 5, 5], [8.9 + length, 5, 5], [8.9, 6.35, 5]]) % 9
                )
                file.write(Atoms("LiBF2", positions=positions, cell=np.eye(3) * 9, pbc=True))
    first = launch(folder)
    assert first["status"] == "ok", first["message"]
    unbroken = first["bonds"]
    assert (unbroken["a"]["n_bonds"], unbroken["a"]["frame"], unbroken["a"]["bond"]) == (2, 12, "B1–F2")
    assert unbroken["a"]["length_A"] == pytest.approx(2.9)
    assert unbroken["b"]["length_A"] == pytest.approx(1.35)
    for name in ("checkpoint.npz", "series.npz"):
        (folder / name).unlink()
    read = iter(range(stop_after))

    class Late(reduce_trajectory.Job):
        def should_stop(self, reserve_s=0.0):
            return next(read, None) is None

    with monkeypatch.context() as patch:
        patch.setattr("aiida_elyte.program.Job", Late)
        assert launch(folder)["kind"] == "OUT_OF_WALLTIME"
    assert launch(folder)["bonds"] == unbroken
