"""Python in a process of its own: what it imports, and what it finds, this process does not tell."""

import os
import subprocess
import sys


def run_python(code, home=None, cwd=None):
    """Run code in a new Python, with its own folder for AiiDA if one is given, and return what it printed."""
    folder = {} if home is None else {"AIIDA_PATH": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, **folder}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
