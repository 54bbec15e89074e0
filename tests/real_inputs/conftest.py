"""Inputs as people have them: each folder of ``shared/faults`` holds one that was once read wrongly."""

import shutil
from pathlib import Path

import pytest

from tests.cli.commandline import run_in_process

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
