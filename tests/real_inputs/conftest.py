"""Inputs as people have them: each folder of ``shared/faults`` holds one that was once read wrongly."""

import shutil
from pathlib import Path

import pytest

from tests.cli.commandline import Child, run_command, run_in_process

FAULTS = Path(__file__).parents[3] / "shared" / "faults"


@pytest.fixture
def fault(tmp_path):
    """Return a function that copies one of these folders, so that commands may write beside the input."""

    def copy(name):
        if not FAULTS.exists():
            pytest.skip(f"inputs that were read wrongly are not at {FAULTS}")
        return Path(shutil.copytree(FAULTS / name, tmp_path / name, copy_function=shutil.copyfile))

    return copy


@pytest.fixture
def run():
    """Return a function that runs a command that needs no profile, and gives its result."""
    return run_in_process


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A folder for AiiDA in which ``aiida-elyte setup`` has run."""
    folder = tmp_path_factory.mktemp("aiida")
    done = run_command("setup", "--json", home=folder)
    assert done.returncode == 0, done.stderr
    (folder / "setup.json").write_text(done.stdout)
    return folder


@pytest.fixture(scope="session")
def command(home):
    """Return a function that runs ``aiida-elyte`` in that folder."""
    child = Child(home)
    yield child.run
    child.close()
