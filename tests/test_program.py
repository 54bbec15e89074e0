import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically


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
