"""Jobs of the labelling program, and an engine for them that fails in every way."""

import json
import os
import subprocess
import sys
from pathlib import Path

from ase.build import bulk

from aiida_elyte.science.frames import read_frames, write_frames
from tests.remote.programs import label_ase

PROGRAM = Path(label_ase.__file__)
MOODY = '''
"""An engine that fails in every way a frame can make it fail; it counts its calls in a file."""
import os, time
from pathlib import Path
import numpy as np
from ase.calculators.emt import EMT

class Moody(EMT):
    def __init__(self, pause=0.0, **kwargs):
        super().__init__(**kwargs)
        self.pause = pause
        self.converged = True

    def calculate(self, atoms=None, properties=("energy",), system_changes=("positions",)):
        with Path("calls.txt").open("a") as handle:
            handle.write(f"{atoms.positions[0, 0]:.0f}\\n")
        time.sleep(self.pause)
        super().calculate(atoms, list(properties), list(system_changes))
        mood = round(atoms.positions[0, 0])
        self.converged = mood != 3
        if mood == 1:
            raise RuntimeError("SCF went astray")
        if mood == 2:
            self.results["forces"] = self.results["forces"] * np.nan
        if mood == 66:
            os._exit(9)
'''


def copper(first_x=0.0):
    """Return a crystal whose first coordinate tells the engine how to behave; the others follow."""
    atoms = bulk("Cu", "fcc", a=3.6, cubic=True)
    atoms.positions += [first_x, 0, 0]
    return atoms


def job(tmp_path, frames, settings, limits=None):
    for index, frame in enumerate(frames):
        frame.info.setdefault("origin", f"b{index}#0")
    write_frames(frames, tmp_path / "frames.extxyz")
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    if limits is not None:
        (tmp_path / "limits.json").write_text(json.dumps({"max_wallclock_seconds": limits}))
    (tmp_path / "moody.py").write_text(MOODY)


def start(tmp_path):
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, PROGRAM, "settings.json"], cwd=tmp_path, env=environment)


def finish(tmp_path):
    process = start(tmp_path)
    code = process.wait(timeout=120)
    results = json.loads((tmp_path / "results.json").read_text())
    assert code == (0 if results["status"] == "ok" else 1)
    return results


def labelled(tmp_path):
    return read_frames(tmp_path / "labelled.extxyz")
