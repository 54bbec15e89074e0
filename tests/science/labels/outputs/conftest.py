"""Pseudopotentials for runs of pw.x."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def pseudos():
    """Return the folder ``ELYTE_PSEUDOS`` with UPF files of lithium and chlorine."""
    folder = Path(os.environ.get("ELYTE_PSEUDOS", "no folder"))
    if not all((folder / f"{element}.upf").exists() for element in ("Li", "Cl")):
        reason = f"no pseudopotentials in ELYTE_PSEUDOS={folder}; run `python examples/pseudopotentials.py FOLDER`"
        if os.environ.get("ELYTE_REQUIRE_ENGINES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
