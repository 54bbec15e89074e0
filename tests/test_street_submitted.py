"""The whole street, by ``submit``: through the command, with a daemon, on a profile without services."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import street

pytest.importorskip("torch_sim")
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("submitted")
    street.salt().write(folder / "salt.cif")
    (folder / "toy.yaml").write_text(yaml.safe_dump(street.OVERRIDES))
    yield folder
    call(folder, "verdi", "daemon", "stop", check=False)


def call(folder, name, *arguments, check=True):
    done = subprocess.run(
        [BIN / name, *arguments],
        cwd=folder,
        env={**os.environ, "AIIDA_PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def launch(folder, *more):
    asked = ["--charges", "Li=1", "--temperature-K", "300", "--protocol", "fast", "--overrides", "toy.yaml"]
    asked.append("--allow-unqualified")
    return call(folder, "aiida-elyte", "launch", "crystal", "salt.cif", *asked, *more)


def test_submitted_street_is_followed_to_its_end_reported_and_found_again(home):
    call(home, "aiida-elyte", "setup")
    dry = launch(home, "--dry-run")
    assert "nothing was submitted" in dry.stdout + dry.stderr
    first = launch(home)
    assert "round 1" in first.stdout + first.stderr
    told = json.loads(call(home, "aiida-elyte", "status", "--json", pk_of(first)).stdout)
    assert told["state"] == "finished"
    again = launch(home)
    assert pk_of(again) == pk_of(first)
    call(home, "aiida-elyte", "report", pk_of(first), "--out", "report.html")
    assert "Lennard-Jones" in (home / "report.html").read_text()


def test_verdi_knows_the_street(home):
    shown = call(home, "verdi", "plugin", "list", "aiida.workflows", "elyte.crystal")
    assert "structure" in shown.stdout


def pk_of(done):
    line = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("CrystalWorkChain "))
    return line.split()[1].rstrip(":.")
