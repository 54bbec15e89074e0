"""Inputs as people have them: each folder of ``shared/faults`` holds one that was once read wrongly."""

import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from aiida_elyte.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))  # where commandline.py lies, if this folder runs alone

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

    def invoke(*words):
        return CliRunner().invoke(main, [str(word) for word in words])

    return invoke
