"""Disks and profiles that cannot be used: one line each, and nothing half-written."""

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aiida_elyte.api.failures import explain
from tests.cli.commandline import environment, one_line, run_command
from tests.interpreter import run_python


def refused(*words, home):
    done = run_command(*words, home=home)
    return one_line(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def copy(home, tmp_path):
    """Return a copy of the profile that a test may break."""
    folder = tmp_path / "aiida"
    shutil.copytree(home, folder)
    for record in (folder / ".aiida" / "access").rglob("*.pid"):
        record.unlink()  # of processes that use the other one
    config = folder / ".aiida" / "config.json"
    config.write_text(config.read_text().replace(str(home), str(folder)))
    return folder


def database(folder):
    return next((folder / ".aiida" / "repository").glob("*/database.sqlite"))


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    assert "set AIIDA_PATH to another folder" in refused("setup", home=tmp_path / "file")


def test_a_folder_on_a_read_only_disk_and_a_full_one(tmp_path, copy):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("disks cannot be mounted here (unshare -m)")
    program = Path(sys.executable).with_name("aiida-elyte")

    def run(mount, home, *words):
        script = f'{mount} && exec "$@"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", program, *words],
            capture_output=True,
            text=True,
            check=False,
            env=environment(home),
        )
        return one_line(done.returncode, done.stdout, done.stderr)

    only_read = f"mount --bind {copy} {copy} && mount -o remount,ro,bind {copy}"
    assert "Read-only file system" in run(only_read, copy, "status", "1")
    small = tmp_path / "small"
    small.mkdir()
    assert "space" in run(f"mount -t tmpfs -o size=64k tmpfs {small}", small, "setup")


def test_a_profile_whose_making_fails_leaves_nothing_behind(tmp_path):
    code = (
        "import sqlite3, sys\n"
        "from click.testing import CliRunner\n"
        "from aiida_elyte.api import setup\n"
        "from aiida_elyte.cli import main\n"
        "def fail(config, name): raise OSError(28, 'No space left on device', 'database.sqlite')\n"
        "setup._enable_caching = fail\n"
        "done = CliRunner().invoke(main, ['setup'])\n"
        "print(done.exit_code, done.stderr)\n"
    )
    assert run_python(code, tmp_path).startswith("2 Error: database.sqlite cannot be written (No space left on device)")
    assert json.loads((tmp_path / ".aiida" / "config.json").read_text())["profiles"] == {}
    assert list((tmp_path / ".aiida" / "repository").glob("*")) == []


def test_a_broken_configuration(copy):
    (copy / ".aiida" / "config.json").write_text('{"CONFIG_VERSION": ')
    assert "config.json is broken; expected valid JSON" in refused("status", "1", home=copy)


def test_a_storage_of_another_version(copy):
    with sqlite3.connect(database(copy)) as connection:
        connection.execute("update alembic_version set version_num = 'main_0000'")
    assert "run `verdi storage migrate`" in refused("status", "1", home=copy)


@pytest.mark.parametrize(("pid", "words"), [(1, "wait until that process"), (2**22 + 1, "which has ended")])
def test_a_locked_profile(copy, pid, words):
    (copy / ".aiida" / "access" / "elyte" / f"{pid}.lock").touch()
    line = refused("status", "1", home=copy)
    assert f"profile 'elyte' is locked by process {pid}" in line
    assert words in line


def test_a_broken_and_a_missing_database(copy):
    database(copy).write_bytes(b"no database" * 1000)
    assert "the database of the AiiDA profile" in refused("status", "1", home=copy)
    shutil.rmtree(database(copy).parent)
    assert "is missing; expected the files of the AiiDA profile" in refused("status", "1", home=copy)


def test_a_database_that_another_process_holds(copy):
    path = copy / "frames.extxyz"
    path.write_text(
        '1\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.0\nLi 0 0 0 0 0 0.1\n'
    )
    connection = sqlite3.connect(database(copy), isolation_level=None)
    connection.execute("begin exclusive")
    try:
        line = refused("import", path, "--level-of-theory", "toy", home=copy)
    finally:
        connection.close()
    assert "is locked by another process" in line


def test_failures_that_are_not_of_the_machine_are_not_explained():
    assert explain(ValueError("x")) is None
    assert explain(OSError(errno.EAGAIN, "try again")) is None
    assert explain(FileNotFoundError(errno.ENOENT, "missing", "/nowhere/frames.xyz")) is None


def test_what_a_failure_came_from_is_explained():
    failure = RuntimeError("cannot store")
    failure.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/box.extxyz")
    assert explain(failure) == (
        "/data/box.extxyz cannot be written (No space left on device); expected space on its disk; free some"
    )


@pytest.mark.engine("tblite")
def test_status_tells_of_a_street_whose_process_was_killed(copy, cif):
    program = Path(sys.executable).with_name("aiida-elyte")
    words = (cif, "--charges", "Li=1", "--protocol", "fast", "--run")
    log = copy / "run.log"
    with log.open("w") as file:
        child = subprocess.Popen(
            [program, "launch", "crystal", *words], stderr=file, stdout=file, env=environment(copy)
        )
        deadline = time.monotonic() + 120
        while "seeds go to the labeller" not in log.read_text():
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        pk = _street(copy)
        assert "no process works on it" not in run_command("status", pk, home=copy).stdout
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    told = run_command("status", pk, home=copy).stdout
    assert f"no process works on it: the process that computed it (PID {child.pid}) has ended" in told
    assert f"go on with `aiida-elyte resume {pk}`" in told
    assert json.loads(run_command("status", pk, "--json", home=copy).stdout)["neglected"]
    _go_on_and_kill(copy, pk)


def _go_on_and_kill(copy, pk):
    """Take a killed street up with --run: the same WorkChain goes on past where it was killed."""
    program = Path(sys.executable).with_name("aiida-elyte")
    log = copy / "resume.log"
    with log.open("w") as file:
        child = subprocess.Popen([program, "resume", pk, "--run"], stderr=file, stdout=file, env=environment(copy))
        deadline = time.monotonic() + 180
        while "learning / round_00_train" not in log.read_text():
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        done = run_command("resume", pk, "--run", "--detach", home=copy)
        assert f"is computed by the process {child.pid}" in done.stderr
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert _street(copy) == pk


def test_status_tells_of_a_street_without_daemon(copy):
    script = (
        "from aiida import load_profile, orm; load_profile();"
        "from plumpy import ProcessState;"
        "node = orm.WorkChainNode(); node.set_process_state(ProcessState.WAITING);"
        "node.set_process_label('CrystalWorkChain'); print(node.store().pk)"
    )
    told = run_command("status", run_python(script, copy).strip(), home=copy).stdout
    assert "no process works on it: the daemon does not run; go on with `aiida-elyte resume" in told


def _street(home):
    script = (
        "from aiida import load_profile, orm; load_profile();"
        "print(orm.QueryBuilder().append(orm.WorkChainNode, filters={'attributes.process_label': 'CrystalWorkChain'},"
        " project='id').all(flat=True)[-1])"
    )
    return run_python(script, home).strip()
