"""Our programs, started on this machine without AiiDA."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

__all__ = ["start_program"]


def start_program(name: str, folder: str | Path) -> subprocess.Popen[bytes]:
    """Start a program, as ``run_lammps.py``, on ``settings.json`` in a folder; it leaves ``results.json`` there.

    Parameters
    ----------
    name
        Name of its file.
    folder
        Folder with what it reads.
    """
    package = Path(str(files("aiida_elyte")))
    path = os.pathsep.join([str(package.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, str(package / "remote" / name), "settings.json"]
    return subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": path})
