"""A pseudopotential for runs of pw.x."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def hydrogen():
    """Return a UPF file of hydrogen from the folder ``ELYTE_PSEUDOS``."""
    path = Path(os.environ.get("ELYTE_PSEUDOS", "no folder")) / "H.upf"
    if not path.exists():
        pytest.skip(
            f"no pseudopotential {path}; run `python examples/pseudopotentials.py FOLDER` and set ELYTE_PSEUDOS"
        )
    return path
