import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Checkpoint, Job, Pace, execute, write_atomically


@pytest.fixture
def run_it(tmp_path):
    def run_it(run, settings=None):
        path = tmp_path / "settings.json"
        path.write_text(json.dumps(settings or {}))
        code = execute(run, path)
        return code, json.loads((tmp_path / "results.json").read_text())

    return run_it


def test_results_of_a_good_run(run_it):
    code, results = run_it(
        lambda job: {"twice": 2 * job.settings["x"], "array": np.arange(3), "n": np.int64(4)}, {"x": 4}
    )
    assert code == 0
    assert results["status"] == "ok"
    assert results["twice"] == 8
    assert results["array"] == [0, 1, 2]
    assert results["n"] == 4
    assert results["seconds"] >= 0
    assert results["environment"]["versions"]["numpy"] == np.__version__


def test_known_failure_keeps_its_kind_and_results(run_it):
    def run(job):
        raise ProgramFailure("EXPLODED", "too hot", step=7)

    code, results = run_it(run)
    assert code == 1
    assert (results["status"], results["kind"], results["message"], results["step"]) == (
        "failed",
        "EXPLODED",
        "too hot",
        7,
    )


def test_bad_input_is_named_so(run_it):
    def run(job):
        raise InputError("x is -1; expected more")

    assert run_it(run)[1]["kind"] == "INVALID_INPUT"


@pytest.mark.parametrize("error", [ValueError("oh"), KeyboardInterrupt(), SystemExit(3), MemoryError()])
def test_whatever_happens_leaves_a_result_and_a_traceback(run_it, tmp_path, error):
    def run(job):
        raise error

    code, results = run_it(run)
    assert code == 1
    assert results["kind"] == "UNEXPECTED"
    assert results["message"].startswith(type(error).__name__)
    assert "Traceback" in (tmp_path / "traceback.txt").read_text()


def test_unreadable_settings_leave_a_result(tmp_path):
    (tmp_path / "settings.json").write_text("{")
    assert execute(lambda job: {}, tmp_path / "settings.json") == 1
    assert json.loads((tmp_path / "results.json").read_text())["kind"] == "UNEXPECTED"


@pytest.mark.parametrize("value", [float("nan"), np.float64("nan"), object()])
def test_results_json_cannot_hold_still_leave_a_result(run_it, value):
    code, results = run_it(lambda job: {"value": value})
    assert code == 1
    assert results["status"] == "failed"


def test_failure_with_results_json_cannot_hold_keeps_its_kind(run_it):
    def run(job):
        raise ProgramFailure("EXPLODED", "too hot", temperature_K=float("nan"), step=3)

    code, results = run_it(run)
    assert code == 1
    assert (results["kind"], results["message"], results["step"]) == ("EXPLODED", "too hot", 3)
    assert results["temperature_K"].startswith("not kept")


def test_wall_time_comes_from_the_limits_file(tmp_path):
    (tmp_path / "limits.json").write_text('{"max_wallclock_seconds": 1000}')
    (tmp_path / "settings.json").write_text("{}")
    seen = {}

    def run(job):
        seen.update(limit=job.max_seconds, now=job.should_stop(), later=job.should_stop(reserve_s=951))
        return {}

    assert execute(run, tmp_path / "settings.json") == 0
    assert seen == {"limit": 1000, "now": False, "later": True}


def test_job_without_a_limit_never_stops(tmp_path):
    assert not Job({}, tmp_path).should_stop(reserve_s=1e9)


def test_progress_is_whole_at_any_time(tmp_path):
    Job({}, tmp_path).report(done=3, of=7)
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert (progress["done"], progress["of"]) == (3, 7)
    assert progress["seconds"] >= 0


def test_a_torn_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    write_atomically(path, "old")
    with pytest.raises(TypeError):
        write_atomically(path, 5)
    assert path.read_text() == "old"
    write_atomically(path, b"new")
    assert path.read_text() == "new"


def test_killed_while_writing_never_leaves_half_a_file(tmp_path):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from aiida_elyte.program import write_atomically
        for round in range(10**9):
            write_atomically(Path(sys.argv[1]), str(round % 10) * 200_000)
            print(round, flush=True)
    """)
    path = tmp_path / "big.txt"
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True) as process:
        for _ in range(20):
            process.stdout.readline()
        process.kill()
    content = path.read_text()
    assert len(content) == 200_000
    assert len(set(content)) == 1


def test_a_checkpoint_gives_back_what_was_saved_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(3)
    arrays = {
        "x": rng.standard_normal((3, 4)),
        "single": rng.standard_normal(5).astype(np.float32),
        "none": np.empty((0, 3)),
        "n": np.array(7),
        "names": np.array(["Li", "P"]),
    }
    state = {"step": np.int64(12), "energy": 0.1 + 0.2, "notes": ["é"], "nothing": None, "weight": float("nan")}
    Checkpoint(tmp_path / "c.npz", {"seed": 1}).save(state, {**arrays, "model": b"\x00weights\xff\x00"})
    saved = Checkpoint(tmp_path / "c.npz", {"seed": 1}).load()
    assert {**saved.state, "weight": None} == {**state, "weight": None}
    assert np.isnan(saved.state["weight"])
    assert set(saved.arrays) == {*arrays, "model"}
    for name, array in arrays.items():
        assert saved.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(saved.arrays[name], array)
    assert saved.arrays["model"].tobytes() == b"\x00weights\xff\x00"


def test_names_of_arrays_are_free(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c.npz", {})
    checkpoint.save(None, {"state": np.arange(2), "identity": np.arange(3), "a/b": np.arange(4)})
    assert {name: len(array) for name, array in checkpoint.load().arrays.items()} == {
        "state": 2,
        "identity": 3,
        "a/b": 4,
    }


def test_nothing_saved_is_nothing_loaded(tmp_path):
    assert Checkpoint(tmp_path / "c.npz", {}).load() is None


@pytest.mark.parametrize("other", [{"seed": 2, "sizes": {"a": 3}}, {"seed": 1}, {"seed": 1, "sizes": {"a": 3}, "n": 1}])
def test_a_checkpoint_of_another_run_is_rejected(tmp_path, other):
    Checkpoint(tmp_path / "c.npz", {"seed": 1, "sizes": {"a": 3}}).save({})
    with pytest.raises(InputError, match=r"c\.npz belongs to another run: \w+ is .* there and .* here"):
        Checkpoint(tmp_path / "c.npz", other).load()


def test_an_identity_means_what_json_makes_of_it(tmp_path):
    Checkpoint(tmp_path / "c.npz", {"shares": (0.8, 0.2), 1: np.float64(2.5)}).save({})
    assert Checkpoint(tmp_path / "c.npz", {"shares": [0.8, 0.2], "1": 2.5}).load() == ({}, {})


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 torn"])
def test_a_damaged_checkpoint_is_named(tmp_path, content):
    (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"c\.npz cannot be read"):
        Checkpoint(tmp_path / "c.npz", {}).load()


def test_an_archive_of_objects_is_not_executed(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    np.savez(tmp_path / "c.npz", identity=np.array("{}"), state=np.array("{}"), x=np.array([Trap()], dtype=object))
    with pytest.raises(InputError, match="cannot be read"):
        Checkpoint(tmp_path / "c.npz", {}).load()
    assert not (tmp_path / "sprung").exists()


def test_objects_are_not_saved(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c.npz", {})
    checkpoint.save({"step": 1})
    with pytest.raises(TypeError, match="array x holds Python objects"):
        checkpoint.save({"step": 2}, {"x": np.array([{}], dtype=object)})
    assert checkpoint.load().state == {"step": 1}


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when the test says so."""
    now = [0.0]
    monkeypatch.setattr("aiida_elyte.program.time.monotonic", lambda: now[0])
    return now


def test_a_run_stops_when_its_slowest_lap_would_not_fit_twice(tmp_path, clock):
    saved = []
    pace = Pace(Job({}, tmp_path, max_seconds=100), lambda: saved.append(clock[0]), every_s=1e9)
    stops = []
    for moment in (40, 42, 52, 53, 74, 76):  # the slowest lap takes 10 s, then 21 s; 95 s are there
        clock[0] = moment
        stops.append(pace.lap())
    assert stops == [False, False, False, False, True, True]
    assert saved == [74, 76]


def test_a_run_saves_and_reports_at_its_cadence(tmp_path, clock):
    saved = []
    pace = Pace(Job({}, tmp_path), lambda: saved.append(clock[0]), every_s=10)
    reports = []
    for moment in range(1, 25):
        clock[0] = moment
        assert not pace.lap(step=moment)
        if (tmp_path / "progress.json").exists():
            reports.append(json.loads((tmp_path / "progress.json").read_text())["step"])
    assert saved == [11, 22]
    assert sorted(set(reports)) == [6, 12, 18, 24]


def test_time_spent_saving_counts_as_part_of_a_lap(tmp_path, clock):
    def save():
        clock[0] += 20

    pace = Pace(Job({}, tmp_path, max_seconds=100), save)
    stops = []
    for _ in range(4):  # laps end at 1, 22, 43 and 64 s; 2·21 of 95 s are kept
        clock[0] += 1
        stops.append(pace.lap())
    assert stops == [False, False, False, True]
