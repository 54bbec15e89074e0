"""The window of a fan-out: bounded and sliding; what is kept does not depend on who ends first."""

import os
import subprocess
import sys
import time
from ast import literal_eval
from pathlib import Path

import pytest
from aiida import orm
from aiida.engine import run_get_node

from tests.workflows.shell_jobs import ShellJobsWorkChain


@pytest.fixture
def bash(aiida_profile_clean, aiida_localhost):
    return orm.InstalledCode(label="bash", computer=aiida_localhost, filepath_executable="/bin/bash").store()


def run(code, lines, max_in_flight):
    """Run the lines; return outputs, and when each job was submitted and its result was there."""
    outputs, node = run_get_node(
        ShellJobsWorkChain, code=code, lines=orm.List(lines), max_in_flight=orm.Int(max_in_flight)
    )
    assert node.is_finished_ok, node.exception
    jobs = [call.node for call in node.base.links.get_outgoing().all() if call.link_label.startswith("job_")]
    assert len(jobs) == len(lines)
    return outputs, [
        (job.ctime, max(result.ctime for result in job.base.links.get_outgoing().all_nodes())) for job in jobs
    ]


def most_at_once(spans):
    return max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)


def test_slow_first_child_does_not_hold_up_the_others(bash, tmp_path):
    """The first job ends only once the last has run, which a wave of two would never start."""
    gate = tmp_path / "gate"
    wait = f"for i in $(seq 600); do [ -e {gate} ] && break; sleep 0.2; done; [ -e {gate} ] || exit 1"
    outputs, spans = run(bash, [wait, "", "", f"touch {gate}"], max_in_flight=2)
    ended = outputs["ended"].get_list()
    assert [status for _, status in ended] == [0, 0, 0, 0]
    assert [name for name, _ in ended[:2]] == ["j01", "j02"]
    assert most_at_once(spans) == 2
    assert outputs["first"].value == 0, "first in the order given, though others ended before it"


def test_window_is_full_and_no_fuller(bash):
    _, spans = run(bash, ["sleep 1"] * 5, max_in_flight=3)
    assert most_at_once(spans) == 3


def test_failing_child_loses_only_itself(bash):
    outputs, _ = run(bash, ["fail", "", ""], max_in_flight=5)
    assert sorted(outputs["ended"].get_list()) == [["j00", 410], ["j01", 0], ["j02", 0]]
    assert outputs["first"].value == 1


SUBMIT = """
from aiida import load_profile, orm
from aiida.engine import submit
from tests.workflows.shell_jobs import ShellJobsWorkChain
load_profile()
code = orm.InstalledCode(label="bash", computer=orm.load_computer("localhost"), filepath_executable="/bin/bash").store()
print(submit(ShellJobsWorkChain, code=code, lines=orm.List({lines!r}), max_in_flight=orm.Int(2)).pk)
"""
LOOK = """
from aiida import load_profile, orm
load_profile()
node = orm.load_node({pk})
calls = sorted(call.link_label for call in node.base.links.get_outgoing().all() if call.link_label.startswith("job_"))
ended = node.outputs.ended.get_list() if "ended" in node.outputs else []
print(repr((node.process_state.value, node.exit_status, calls, ended)))
"""


def test_killed_worker_loses_and_doubles_no_child(tmp_path):
    """``kill -9`` between the submission of a child and the next checkpoint: in the first window, and as it slides."""
    root, programs = Path(__file__).parents[2], Path(sys.executable).parent
    env = os.environ | {
        "AIIDA_PATH": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
        "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)]),
    }
    started, killed = tmp_path / "started", [tmp_path / "killed_first", tmp_path / "killed_later"]
    note = f"echo x >> {started}"

    def call(*words):
        done = subprocess.run(words, env=env, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call(programs / "aiida-elyte", "setup")
    call(programs / "verdi", "daemon", "start", "1")
    try:
        lines = [note, f"kill {killed[0]}", note, f"kill {killed[1]}", note]
        pk = int(call(sys.executable, "-c", SUBMIT.format(lines=lines)).split()[-1])
        deadline, state = time.monotonic() + 300, ""
        while state not in ("finished", "excepted", "killed"):
            assert time.monotonic() < deadline, state
            time.sleep(3)
            state, status, calls, ended = literal_eval(call(sys.executable, "-c", LOOK.format(pk=pk)))
    finally:
        subprocess.run([programs / "verdi", "daemon", "stop"], env=env, capture_output=True, check=False)
    assert all(path.exists() for path in killed)
    names = [f"j{index:02d}" for index in range(5)]
    assert (state, status) == ("finished", 0)
    assert calls == [f"job_{name}" for name in names], "each was submitted once"
    assert sorted(ended) == [[name, 0] for name in names], "each was inspected once"
    assert len(started.read_text().split()) == 3, "each ran once"
