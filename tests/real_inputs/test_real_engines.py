"""Outputs of engines run on the spot: what is read equals an independent parse of what the engine wrote elsewhere."""

import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import constants

from aiida_elyte.api.labels import read_labelled_frames
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from tests import engine_runs

HARTREE_EV = constants.value("Hartree energy in eV")
BOHR_A = constants.value("Bohr radius") * 1e10
AMU_ELECTRONS = constants.atomic_mass / constants.electron_mass
EV_A3_BAR = constants.elementary_charge * 1e30 / 1e5
"""1 eV/Å³ in bar."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Return a function that runs an engine once for all tests of this module, and gives the folder."""

    @cache
    def run(engine, **options):
        folder = tmp_path_factory.mktemp(engine)
        getattr(engine_runs, f"run_{engine}")(folder, **options)
        return folder

    return run


@pytest.fixture(scope="module")
def pw_run(ran):
    """Return a function that runs pw.x once for all tests of this module."""
    pseudos = engine_runs.PSEUDOS
    if not (pseudos / "Li.upf").is_file():
        pytest.skip("ELYTE_PSEUDOS names no folder with UPF files; make one with examples/pseudopotentials.py")
    return lambda name: ran("pw", name=name)


def steps_of_pw_xml(path):
    """Return positions, cell, energy and forces of each step of pw.x's XML, which is in atomic units."""
    steps = []
    root = ElementTree.parse(path).getroot()
    for step in root.findall("step") or root.findall("output"):
        atoms = [_floats(atom.text) for atom in step.find("atomic_structure").iter("atom")]
        cell = [_floats(step.find(f"atomic_structure/cell/a{k}").text) for k in (1, 2, 3)]
        steps.append(
            {
                "positions": np.array(atoms) * BOHR_A,
                "cell": np.array(cell) * BOHR_A,
                "energy": float(step.find("total_energy/etot").text) * HARTREE_EV,
                "forces": np.reshape(_floats(step.find("forces").text), (-1, 3)) * HARTREE_EV / BOHR_A,
            }
        )
    return steps


def _floats(text):
    return [float(word) for word in text.split()]


@pytest.mark.engine("pw.x")
@pytest.mark.parametrize("name", ["scf", "smearing", "relax", "vc_relax", "md"])
def test_text_of_pw_equals_its_xml(pw_run, name):
    folder = pw_run(name)
    frames = read_labelled_frames(folder / "pw.out").frames
    steps = steps_of_pw_xml(folder / "out" / "run.xml")
    assert len(frames) == len(steps) == {"scf": 1, "smearing": 1, "vc_relax": 3}.get(name, 4)
    for frame, step in zip(frames, steps, strict=True):
        labels = labels_of(frame)
        assert frame.get_chemical_symbols() == ["Li", "Cl"]
        # The text has 8 decimals of Ry and Ry/bohr, of bohr in the cell, and 9 of Å.
        assert labels["energy"] == pytest.approx(step["energy"], abs=1.5e-7)
        np.testing.assert_allclose(labels["forces"], step["forces"], rtol=0, atol=3e-7)
        np.testing.assert_allclose(frame.cell.array, step["cell"], rtol=0, atol=5e-6)
        np.testing.assert_allclose(frame.positions, step["positions"], rtol=0, atol=5e-6)


@pytest.mark.engine("pw.x")
@pytest.mark.parametrize("name", ["scf", "smearing"])
def test_stress_of_pw_equals_its_xml(pw_run, name):
    folder = pw_run(name)
    root = ElementTree.parse(folder / "out" / "run.xml").getroot()
    stress = np.reshape(_floats(root.find("output/stress").text), (3, 3)) * HARTREE_EV / BOHR_A**3
    # pw.x counts pressure positive, ASE tension; the text has 8 decimals of Ry/bohr³.
    found = labels_of(read_labelled_frames(folder / "pw.out").frames[0])["stress"]
    np.testing.assert_allclose(found, -stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]], rtol=0, atol=1e-6)


@pytest.mark.engine("pw.x")
def test_electrons_of_pw_that_do_not_converge_give_no_frame(pw_run):
    with pytest.raises(InputError, match=r"pw\.out"):
        read_labelled_frames(pw_run("not_converged") / "pw.out")


def xyz_blocks(path):
    """Return the comments and the numbers of each frame of a plain XYZ file."""
    lines = Path(path).read_text().splitlines()
    size = int(lines[0]) + 2
    blocks = [lines[start : start + size] for start in range(0, len(lines), size)]
    return [block[1] for block in blocks], np.array(
        [[_floats(" ".join(row.split()[1:4])) for row in b[2:]] for b in blocks]
    )


def cp2k_cells(path):
    return np.loadtxt(path)[:, 2:11].reshape(-1, 3, 3)


@pytest.mark.engine("cp2k.psmp")
def test_output_of_cp2k_equals_the_files_beside_it(ran):
    folder = ran("cp2k", steps=3)
    frames = read_labelled_frames(folder / "run.out", level_of_theory="PBE").frames
    comments, positions = xyz_blocks(folder / "run-pos-1.xyz")
    _, forces = xyz_blocks(folder / "run-frc-1.xyz")
    _, velocities = xyz_blocks(folder / "run-vel-1.xyz")
    energies = [float(re.search(r"E = +(\S+)", comment)[1]) * HARTREE_EV for comment in comments]
    total_bar = np.loadtxt(folder / "run-1.stress")[:, 2:].reshape(-1, 3, 3)
    cells = cp2k_cells(folder / "run-1.cell")
    mass = 1.00794 * AMU_ELECTRONS
    assert len(frames) == 4
    for index, frame in enumerate(frames):
        labels = labels_of(frame)
        assert frame.get_chemical_symbols() == ["H"] * 4
        np.testing.assert_allclose(frame.positions, positions[index], rtol=0, atol=1e-8)
        np.testing.assert_allclose(frame.cell.array, cells[index], rtol=0, atol=1e-8)
        assert labels["energy"] == pytest.approx(energies[index], abs=1e-8)
        # The output has 8 decimals of hartree/bohr.
        np.testing.assert_allclose(labels["forces"], forces[index] * HARTREE_EV / BOHR_A, rtol=0, atol=6e-7)
        # The file of the stress counts the motion of the atoms too, and pressure positive.
        volume = np.linalg.det(cells[index]) / BOHR_A**3
        kinetic = mass * velocities[index].T @ velocities[index] / volume * HARTREE_EV / BOHR_A**3
        potential = kinetic - total_bar[index] / EV_A3_BAR
        expected = potential[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        np.testing.assert_allclose(labels["stress"], expected, rtol=0, atol=2e-5)


@pytest.mark.engine("cp2k.psmp")
def test_single_point_of_cp2k_tells_its_geometry_itself(ran):
    path = ran("cp2k", kind="ENERGY_FORCE") / "run.out"
    (frame,) = read_labelled_frames(path, level_of_theory="PBE").frames
    text = path.read_text()
    (energy,) = re.findall(r"^ ENERGY\| .*: +(\S+)$", text, re.MULTILINE)
    assert labels_of(frame)["energy"] == pytest.approx(float(energy) * HARTREE_EV, abs=1e-8)
    np.testing.assert_allclose(frame.positions[3], [4.1, 3.8, 0.3], atol=1e-5)
    # The output has 3 decimals of the cell.
    np.testing.assert_allclose(frame.cell.array, [[5, 0.1, 0], [0, 5.2, 0.2], [0, 0, 5.4]], atol=1e-3)


@pytest.mark.engine("cp2k.psmp")
def test_positions_of_cp2k_are_read_with_their_times(ran):
    folder = ran("cp2k", steps=3)
    _, positions = xyz_blocks(folder / "run-pos-1.xyz")
    trajectory = open_trajectory(folder / "run-pos-1.xyz", cell_A=np.diag([5.0, 5.2, 5.4]))
    assert trajectory.interval_fs == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_array_equal([frame.positions_A for frame in trajectory], positions)


@pytest.mark.engine("cp2k.psmp")
def test_dcd_of_cp2k_equals_the_xyz_of_the_same_run(ran):
    _, positions = xyz_blocks(ran("cp2k", steps=3) / "run-pos-1.xyz")
    folder = ran("cp2k", steps=3, trajectory="DCD")
    trajectory = open_trajectory(folder / "run-pos-1.dcd", symbols=["H"] * 4)
    assert trajectory.interval_fs == pytest.approx(0.5, rel=1e-5)
    np.testing.assert_allclose([frame.positions_A for frame in trajectory], positions, rtol=0, atol=1e-5)


LAMMPS = {"timestep_fs": 2.0, "lammps_units": "metal"}
IONS = ["Li", "Cl", "Cl", "Li", "Cl", "Li", "Li", "Cl"]


def lammps_options(name):
    """Return what each dump leaves unsaid."""
    return {"xsu": {**LAMMPS, "symbols": IONS}, "dcd": {"lammps_units": "metal", "symbols": IONS}}.get(name, LAMMPS)


def lammps_path(folder, name):
    return folder / ("run.dcd" if name == "dcd" else f"{name}.lammpstrj")


def thermo_of(folder):
    """Return the columns of the log of LAMMPS."""
    text = (folder / "log.lammps").read_text()
    block = re.search(r"^ +Step (.*)\n((?: +[-\d.e+ ]+\n)+)", text, re.MULTILINE)
    columns = ["Step", *block[1].split()]
    return dict(zip(columns, np.array([_floats(line) for line in block[2].splitlines()]).T, strict=True))


@pytest.mark.engine("lmp")
@pytest.mark.parametrize("name", [*engine_runs.DUMP_COLUMNS, "dcd"])
def test_every_dump_of_lammps_gives_the_same_motion(ran, name):
    folder = ran("lammps", steps=60)
    reference = reduce_trajectory(open_trajectory(folder / "xu.lammpstrj", **LAMMPS))[0]
    found = reduce_trajectory(open_trajectory(lammps_path(folder, name), **lammps_options(name)))[0]
    order = [found.species.index(species) for species in reference.species]
    moved, expected = found.collective_A[:, order], reference.collective_A
    if name == "dcd":  # it has single precision and no origin of the box, which moves under NPT
        moved, expected = (part - part.mean(axis=1, keepdims=True) for part in (moved, expected))
    assert found.interval_fs == pytest.approx(20.0, rel=1e-6)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=2e-5 if name == "dcd" else 1e-9)
    np.testing.assert_allclose(found.volume_A3, reference.volume_A3, rtol=1e-6)


@pytest.mark.engine("lmp")
def test_dump_of_lammps_equals_its_log(ran):
    folder = ran("lammps", steps=60)
    thermo = thermo_of(folder)
    series = reduce_trajectory(open_trajectory(folder / "xu.lammpstrj", **LAMMPS))[0]
    every = thermo["Step"] % 10 == 0
    np.testing.assert_allclose(series.time_fs, thermo["Step"][every] * 2.0, rtol=1e-12)
    np.testing.assert_allclose(series.volume_A3, thermo["Volume"][every], rtol=1e-9)
    # LAMMPS counts 3N - 3 degrees of freedom, and its constants differ in the seventh digit.
    np.testing.assert_allclose(series.temperature_K, thermo["Temp"][every] * 7 / 8, rtol=1e-5)


@pytest.mark.engine("lmp")
def test_dump_of_lammps_equals_what_mdanalysis_reads(ran):
    import MDAnalysis

    path = ran("lammps", steps=60) / "x.lammpstrj"
    universe = MDAnalysis.Universe(str(path), format="LAMMPSDUMP", to_guess=(), lammps_coordinate_convention="unscaled")
    frames = list(open_trajectory(path, **LAMMPS))
    assert len(frames) == len(universe.trajectory) == 7
    for frame, theirs in zip(frames, universe.trajectory, strict=True):
        lengths = np.linalg.norm(frame.cell_A, axis=1)
        np.testing.assert_allclose(lengths, theirs.dimensions[:3], rtol=1e-5)
        apart = frame.positions_A - frame.positions_A[0]
        np.testing.assert_allclose(apart, theirs.positions - theirs.positions[0], rtol=0, atol=1e-5)


@pytest.mark.engine("tblite")
@pytest.mark.parametrize("suffix", ["extxyz", "traj"])
def test_frames_labelled_by_xtb_are_read_as_they_were_computed(tmp_path, suffix):
    from ase import Atoms
    from ase.io import write
    from tblite.ase import TBLite

    rng = np.random.default_rng(2)
    frames, expected = [], []
    for _ in range(3):
        scaled = np.array([[0.0] * 3, [0.5] * 3]) + rng.normal(0, 0.02, (2, 3))
        frame = Atoms("LiCl", scaled_positions=scaled, cell=[[0, 2.6, 2.5], [2.6, 0, 2.7], [2.5, 2.6, 0]], pbc=True)
        frame.calc = TBLite(method="GFN1-xTB", verbosity=0)
        expected.append((frame.get_potential_energy(), frame.get_forces(), frame.get_stress(), frame.positions.copy()))
        frames.append(frame)
    write(tmp_path / f"set.{suffix}", frames)
    found = read_labelled_frames(tmp_path / f"set.{suffix}", level_of_theory="GFN1-xTB").frames
    tolerance = 0 if suffix == "traj" else 1e-8  # ASE writes 8 decimals
    for frame, (energy, forces, stress, positions) in zip(found, expected, strict=True):
        labels = labels_of(frame)
        assert labels["energy"] == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(labels["forces"], forces, rtol=0, atol=tolerance)
        np.testing.assert_allclose(labels["stress"], stress, rtol=0, atol=1e-8)
        np.testing.assert_allclose(frame.positions, positions, rtol=0, atol=tolerance)


def gromacs_dump(path):
    """Return times [fs], boxes, positions [Å] and velocities [Å/fs] from the text of ``gmx dump``, six digits each."""
    text = Path(path).read_text()
    times = [1000 * float(word) for word in re.findall(r"time=(\S+)", text)]
    blocks = {}
    for name in ("box", "x", "v"):
        rows = re.findall(rf"^ +{name}\[ *\d+\]=\{{(.*)\}}$", text, re.MULTILINE)
        blocks[name] = np.array([[float(word) for word in row.split(",")] for row in rows]).reshape(len(times), -1, 3)
    return np.array(times), 10 * blocks["box"], 10 * blocks["x"], blocks["v"] / 100


@pytest.mark.engine("gmx")
@pytest.mark.parametrize(
    ("suffix", "place", "speed"), [("trr", 1e-4, 1e-7), ("xtc", 0.0051, None), ("gro", 0.0051, 6e-7)]
)
def test_files_of_gromacs_equal_its_own_dump(ran, suffix, place, speed):
    folder = ran("gromacs", steps=100)
    times, boxes, positions, velocities = gromacs_dump(folder / "traj.txt")
    symbols = ["Li"] * 32 + ["Cl"] * 32
    trajectory = open_trajectory(folder / f"traj.{suffix}", symbols=symbols)
    frames = list(trajectory)
    assert len(frames) == len(times) == 11
    assert trajectory.interval_fs == pytest.approx(times[1] - times[0], rel=1e-5) == pytest.approx(10.0, rel=1e-5)
    np.testing.assert_allclose([frame.cell_A for frame in frames], boxes, rtol=0, atol=1e-4)
    np.testing.assert_allclose([frame.positions_A for frame in frames], positions, rtol=0, atol=place)
    if speed is not None:
        np.testing.assert_allclose([frame.velocities_A_fs for frame in frames], velocities, rtol=0, atol=speed)
