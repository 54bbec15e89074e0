"""Fixtures shared by the tests: a profile of their own, the codes, the engines."""

import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

# A user's own profiles are never touched.
os.environ["AIIDA_PATH"] = tempfile.mkdtemp(prefix="elyte-tests-")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

pytest_plugins = ["aiida.tools.pytest_fixtures"]

SHARED = Path(__file__).parents[2] / "shared" / "data"

_LONGEST = ("test_examples", "test_street", "workflows/test_forcefield", "workflows/test_box", "workflows/", "cli/")
"""Parts of the names of files, the longest first: whole streets, then single WorkChains, then commands."""


def pytest_collection_modifyitems(items):
    """Skip, with its reason, what needs a missing engine; under ``ELYTE_REQUIRE_ENGINES=1`` let it fail.

    The longest files come first, so that no worker is left alone with one of them at the end.
    """
    items.sort(key=lambda item: next((i for i, name in enumerate(_LONGEST) if name in item.nodeid), len(_LONGEST)))
    if os.environ.get("ELYTE_REQUIRE_ENGINES") == "1":
        return
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    for item in items:
        for mark in item.iter_markers("engine"):
            if shutil.which(mark.args[0], path=path) is None and not _is_module(mark.args[0]):
                item.add_marker(pytest.mark.skip(reason=f"engine {mark.args[0]} is neither on the PATH nor a module"))


def _is_module(name):
    return name.isidentifier() and find_spec(name) is not None


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real data sets."""
    if not SHARED.exists():
        pytest.skip(f"real data are not at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def crystal_file(tmp_path_factory):
    """Trajectory of Brownian Li in a framework of S."""
    from tests.trajectories import write_solid

    return write_solid(tmp_path_factory.mktemp("solid") / "solid.extxyz")


@pytest.fixture(scope="session")
def liquid_files(tmp_path_factory):
    """Folder of trajectories of molecular ions in a solvent."""
    from tests.trajectories import write_liquid

    return write_liquid(tmp_path_factory.mktemp("liquid"))


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory):
    """Path of a Python that has torch imported already."""
    from tests.warm_python import start

    server, executable = start(tmp_path_factory.mktemp("python"))
    yield executable
    server.stdin.close()
    server.wait(timeout=30)


@pytest.fixture
def python_code(aiida_localhost, warm_python):
    """The Python of the tests as a code on localhost."""
    from aiida import orm

    return orm.InstalledCode(label="python", computer=aiida_localhost, filepath_executable=str(warm_python)).store()


@pytest.fixture
def lammps_code(aiida_localhost):
    """LAMMPS as a code on localhost."""
    from aiida import orm

    from tests.liquid import ENVIRONMENT, PROGRAMS

    return orm.InstalledCode(
        label="lmp",
        computer=aiida_localhost,
        filepath_executable=str(PROGRAMS / "lmp"),
        prepend_text="".join(f"export {name}={value}\n" for name, value in ENVIRONMENT.items()),
        with_mpi=False,
    ).store()


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A folder for AiiDA in which ``aiida-elyte setup`` has run."""
    from tests.cli.commandline import run_command

    folder = tmp_path_factory.mktemp("aiida")
    done = run_command("setup", "--json", home=folder)
    assert done.returncode == 0, done.stderr
    (folder / "setup.json").write_text(done.stdout)
    return folder


@pytest.fixture(scope="session")
def command(home):
    """Return a function that runs ``aiida-elyte`` in that folder."""
    from tests.cli.commandline import Child

    child = Child(home)
    yield child.run
    child.close()
