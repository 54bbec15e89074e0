"""Cells that flip and breathe, as LAMMPS writes them: every form of its coordinates tells the same motion."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.unwrapping import Unwrapper

FORMS = ("x y z", "xs ys zs", "xu yu zu", "xsu ysu zsu")
LIQUID = """
units metal
boundary p p p
lattice fcc 4.9
region box prism 0 3 0 3 0 3 {tilts}
create_box 1 box
create_atoms 1 box
mass 1 6.94
pair_style lj/cut 7.0
pair_coeff 1 1 0.05 2.8
velocity all create 1200 4711
timestep 0.002
{motion}
{dumps}
dump all all custom 10 all.lammpstrj id x y z ix iy iz
dump velocities all custom 1 velocities.lammpstrj id vx vy vz x y z
dump_modify all sort id format float %.12g
dump_modify velocities sort id format float %.12g
run 800
"""
BAROSTAT = (
    "fix 1 all npt temp 700 700 0.05 x 7000 7000 0.1 y 7000 7000 0.1 z 7000 7000 0.1 xy 0 0 0.1 xz 0 0 0.1 yz 0 0 0.1"
)
SHEAR = "fix 1 all nvt/sllod temp 700 700 0.05\nfix 2 all deform 1 xy erate 1.0 remap v"
MOTIONS = {
    "constant pressure": ("1.45 1.4 -1.45", f"{BAROSTAT} flip yes"),
    "steady shear": ("1.2 0 0", f"{SHEAR} flip yes"),
}


@pytest.fixture(scope="module", params=MOTIONS)
def run_of_lammps(request, tmp_path_factory):
    """Run 1.6 ps of a liquid of 108 atoms in a cell that flips; return the kind of motion and the folder of dumps."""
    folder = tmp_path_factory.mktemp("lammps")
    tilts, motion = MOTIONS[request.param]
    dumps = "\n".join(
        f"dump {name} all custom 10 {name}.lammpstrj id element {form}\n"
        f"dump_modify {name} element Li format float %.12g"
        for form in FORMS
        for name in form.split()[:1]
    )
    (folder / "in.lammps").write_text(LIQUID.format(tilts=tilts, motion=motion, dumps=dumps))
    programs = Path(sys.executable).parent
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{programs.parent}/lib", "OMP_NUM_THREADS": "1"}
    environment["PATH"] = os.pathsep.join([str(programs), os.environ["PATH"]])
    command = ["lmp", "-in", "in.lammps", "-nocite"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return request.param, folder


def frames_of(path):
    """Return cells, origins and tables of a dump of a tilted box, read without any of our readers."""
    lines = path.read_text().split("\n")
    n_atoms = int(lines[3])
    frames = np.array(lines[: len(lines) // (9 + n_atoms) * (9 + n_atoms)]).reshape(-1, 9 + n_atoms)
    cells, origins = [], []
    for frame in frames:
        (xlo, xhi, xy), (ylo, yhi, xz), (zlo, zhi, yz) = (map(float, line.split()) for line in frame[5:8])
        xlo, xhi = xlo - min(0, xy, xz, xy + xz), xhi - max(0, xy, xz, xy + xz)
        ylo, yhi = ylo - min(0, yz), yhi - max(0, yz)
        cells.append([[xhi - xlo, 0, 0], [xy, yhi - ylo, 0], [xz, yz, zhi - zlo]])
        origins.append([[xlo, ylo, zlo]])
    tables = np.array([[row.split() for row in frame[9:]] for frame in frames], float)
    return np.array(cells), np.array(origins), tables


def moved_by_velocities(kind, folder):
    """Return the integral of the velocities less the flow of the cell [Å], frame by frame of the other dumps."""
    cells, origins, tables = frames_of(folder / "velocities.lammpstrj")
    velocities = tables[..., 1:4].copy()
    if kind == "steady shear":  # at constant pressure LAMMPS leaves the velocity of the cell out
        velocities[..., 0] -= 1.0 * (tables[..., 5] - origins[..., 1])
    steps = 0.002 * (velocities[1:] + velocities[:-1]) / 2
    return np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])[::10], cells


@pytest.mark.engine("lmp")
def test_every_form_of_coordinates_gives_the_integral_of_the_velocities(run_of_lammps):
    kind, folder = run_of_lammps
    moved, cells = moved_by_velocities(kind, folder)
    tilts = np.abs(np.diff(cells[:, [1, 2, 2], [0, 0, 1]], axis=0))
    assert (tilts > 3.0).sum() >= (3 if kind == "constant pressure" else 1)  # flips: jumps of a tilt by a whole edge
    summed = []
    for form in FORMS:
        trajectory = open_trajectory(folder / f"{form.split()[0]}.lammpstrj", timestep_fs=2.0, lammps_units="metal")
        series, notes = reduce_trajectory(trajectory)
        assert notes == ()
        assert trajectory.is_unwrapped == ("u" in form)
        assert len(series.displacements_A) == 81
        # frames 20 fs apart follow an oscillation of some 200 fs to a few hundredths of an Å
        off = series.displacements_A - moved
        assert np.sqrt((moved[-1] ** 2).mean()) > 1.0
        assert np.sqrt((off**2).mean()) < 0.02
        summed.append(series.collective_A)
        np.testing.assert_allclose(summed[-1], summed[0], atol=1e-6)


@pytest.mark.engine("lmp")
def test_image_flags_run_on_across_flips(run_of_lammps):
    kind, folder = run_of_lammps
    moved, _ = moved_by_velocities(kind, folder)
    cells, origins, tables = frames_of(folder / "all.lammpstrj")
    positions = tables[..., 1:4] - origins + tables[..., 4:7] @ cells
    by_images, wrapped = Unwrapper(np.ones((1, 108)), is_unwrapped=True), Unwrapper(np.ones((1, 108)))
    for index, cell in enumerate(cells):
        by_images.add(positions[index], cell)
        wrapped.add(tables[index, :, 1:4] - origins[index], cell)
        np.testing.assert_allclose(by_images.displacements_A, wrapped.displacements_A, atol=1e-9)
    assert np.sqrt(((by_images.displacements_A - moved[-1]) ** 2).mean()) < 0.02
    assert (by_images.basis != np.eye(3)).any()


def diffusion(run, path):
    options = ("--charges", "Li=1", "--temperature-K", 600, "--timestep-fs", 1, "--json-out", path.with_suffix(".json"))
    result = run("transport", path, *options)
    assert result.exit_code == 0, result.output
    return json.loads(path.with_suffix(".json").read_text())["quantities"]["tracer_diffusion_Li"]


def test_flipped_box_gives_the_diffusion_of_the_unflipped_one(fault, run):
    folder = fault("lammps_flip_xu")
    flipped, plain = (diffusion(run, folder / f"{name}.lammpstrj.gz") for name in ("flip", "noflip"))
    assert flipped["value"] == pytest.approx(6.5e-5, abs=0.3e-5)
    assert flipped["value"] == pytest.approx(plain["value"], rel=1e-6)
    assert flipped["ci95"] == pytest.approx(plain["ci95"], rel=1e-6)
    assert flipped["ci95"][0] <= 6.3e-5 <= flipped["ci95"][1]
