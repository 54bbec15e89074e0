"""One random walk in every format: the same sums, and clear words for files that are broken."""

import bz2
import gzip
import lzma
import re

import h5py
import numpy as np
import pytest
import zstandard
from ase import Atoms, units
from ase.geometry import cell_to_cellpar
from ase.io import read, write
from ase.io.trajectory import Trajectory as AseTrajectory
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile
from scipy.io import netcdf_file

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import write_frames
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.reduction import Reducer, reduce_frames
from aiida_elyte.science.transport.estimates import Estimate, estimate_transport

SYMBOLS = ("Li", "S", "Li", "P", "S", "S", "Li")
MASSES = np.array([6.94, 32.06, 6.94, 30.973761998, 32.06, 32.06, 6.94])
TRICLINIC = np.array([[8.0, 0, 0], [2.5, 7.0, 0], [-1.5, 2.0, 9.0]])
CUBIC = np.eye(3) * 8.0
N_FRAMES = 12
INTERVAL_FS = 50.0
AKMA_FS = 48.88821


def walk(seed=0, n_frames=N_FRAMES):
    """Return the scaled positions of a walk with steps below a fifth of the cell, not wrapped."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(-0.2, 0.2, (n_frames, len(SYMBOLS), 3))
    return rng.uniform(0, 1, (len(SYMBOLS), 3)) + np.cumsum(steps, axis=0)


def cells_of(cell, breathes=False):
    swing = 0.02 * np.sin(np.arange(N_FRAMES)) if breathes else np.zeros(N_FRAMES)
    return cell * (1 + swing)[:, None, None]


def wrapped(scaled, cells):
    return (scaled - np.floor(scaled)) @ cells


def velocities(seed=5):
    return np.random.default_rng(seed).normal(0, 0.005, (N_FRAMES, len(SYMBOLS), 3))


def truth(scaled, cells, motion=None):
    """Return the series of the arrays themselves."""
    reducer = Reducer(SYMBOLS, MASSES, INTERVAL_FS)
    for index, cell in enumerate(cells):
        reducer.add(scaled[index] @ cell, cell, velocities_A_fs=None if motion is None else motion[index])
    return reducer.finish()


def dump(scaled, cells, *, columns="id element x y z", steps=None, shuffled=True, motion=None, unit=1.0, general=False):
    """Return the text of a LAMMPS dump, rows in any order, box at an origin of its own."""
    rng = np.random.default_rng(1)
    origin = np.array([-3.0, 1.5, 0.25])
    text = []
    for index, cell in enumerate(cells):
        (xy, xz), yz = cell[[1, 2], [0, 0]], cell[2, 1]
        low = origin + np.array([min(0, xy, xz, xy + xz), min(0, yz), 0])
        high = origin + np.diagonal(cell) + [max(0, xy, xz, xy + xz), max(0, yz), 0]
        if general:
            bounds, kind = np.column_stack([cell, origin]), "abc origin pp pp pp"
        elif xy or xz or yz:
            bounds, kind = np.column_stack([low, high, [xy, xz, yz]]), "xy xz yz pp pp pp"
        else:
            bounds, kind = np.column_stack([low, high]), "pp pp pp"
        inside = scaled[index] - np.floor(scaled[index])
        images = np.nan_to_num(np.floor(scaled[index])).astype(int)
        values = {"x": inside @ cell + origin, "xu": scaled[index] @ cell + origin, "xs": inside, "xsu": scaled[index]}
        fields = {"id": np.arange(1, len(SYMBOLS) + 1) * 3, "element": SYMBOLS, "q": np.ones(len(SYMBOLS))}
        fields |= {f"i{axis}": images[:, k].tolist() for k, axis in enumerate("xyz")}
        fields["type"] = [{"Li": 1, "S": 2, "P": 3}[symbol] for symbol in SYMBOLS]
        for name, array in values.items():
            fields |= {f"{axis}{name[1:]}": array[:, k].tolist() for k, axis in enumerate("xyz")}
        if motion is not None:
            fields |= {f"v{axis}": (motion[index][:, k] * unit).tolist() for k, axis in enumerate("xyz")}
        order = rng.permutation(len(SYMBOLS)) if shuffled else range(len(SYMBOLS))
        step = steps[index] if steps is not None else 100 * index + 700
        text.append(f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(SYMBOLS)}\nITEM: BOX BOUNDS {kind}\n")
        text += [" ".join(repr(float(value)) for value in row) + "\n" for row in bounds]
        text.append(f"ITEM: ATOMS {columns} \n")
        text += [" ".join(str(fields[name][atom]) for name in columns.split()) + " \n" for atom in order]
    return "".join(text)


def xdatcar(scaled, cells, *, numbers=None, repeats_header=False):
    order = np.argsort(SYMBOLS, kind="stable")
    text = []
    for index, cell in enumerate(cells):
        if index == 0 or repeats_header:
            rows = [" ".join(repr(float(value)) for value in row) for row in cell / 2]
            text += ["glass\n", "2.0\n", *(row + "\n" for row in rows), "Li P S\n", "3 1 3\n"]
        number = numbers[index] if numbers is not None else index + 1
        text.append(f"Direct configuration= {number:5d}\n")
        inside = scaled[index] - np.floor(scaled[index])
        text += [" ".join(repr(float(value)) for value in inside[atom]) + "\n" for atom in order]
    return "".join(text)


def touching_xdatcar(scaled, cells):
    """Return an XDATCAR in columns of 11, from -0.5 to 0.5, where a negative number touches the one before."""
    order, text = np.argsort(SYMBOLS, kind="stable"), []
    for index, cell in enumerate(cells):
        text += [
            "glass\n",
            "1.0\n",
            *(" ".join(repr(float(x)) for x in row) + "\n" for row in cell),
            "Li P S\n",
            "3 1 3\n",
        ]
        inside = scaled[index][order] - np.round(scaled[index][order])
        text.append(f"Direct configuration= {index + 1:5d}\n")
        text += ["".join(f"{x:11.8f}" for x in row) + "\n" for row in inside]
    return "".join(text)


def extxyz(scaled, cells, *, comment="", orders=None):
    text = []
    for index, cell in enumerate(cells):
        lattice = " ".join(repr(float(value)) for value in cell.ravel())
        told = comment.format(index=index, time=index * INTERVAL_FS)
        text.append(f'{len(SYMBOLS)}\nProperties=species:S:1:tag:I:1:pos:R:3 Lattice="{lattice}" {told}\n')
        inside = wrapped(scaled, cells)[index]
        order = range(len(SYMBOLS)) if orders is None else orders[index]
        text += [f"{SYMBOLS[a]} 7 " + " ".join(repr(float(value)) for value in inside[a]) + "\n" for a in order]
    return "".join(text)


def write_dcd(path, scaled, cells, *, delta=0.5 / AKMA_FS, every=100, remarks="made by hand"):
    with DCDFile(str(path), "w") as file:
        file.write_header(remarks, len(SYMBOLS), 700, every, delta, 1)
        for positions, cell in zip(wrapped(scaled, cells), cells, strict=True):
            a, b, c, alpha, beta, gamma = cell_to_cellpar(cell)
            cosines = np.cos(np.radians([gamma, beta, alpha]))
            file.write(positions, [a, cosines[0], b, cosines[1], cosines[2], c])


def write_xtc(path, scaled, cells, *, times_ps=None):
    with XTCFile(str(path), "w") as file:
        for index, positions in enumerate(wrapped(scaled, cells)):
            time = 0.05 * index if times_ps is None else times_ps[index]
            file.write(positions / 10, cells[index] / 10, 100 * index, time, 1e4)


def write_trr(path, scaled, cells, *, motion=None, first_ps=0.0):
    with TRRFile(str(path), "w") as file:
        for index, positions in enumerate(wrapped(scaled, cells)):
            speed = None if motion is None else motion[index] * 100
            step = round(first_ps / 5e-4) + 100 * index
            file.write(positions / 10, speed, None, cells[index] / 10, step, 5e-4 * step, 0, len(SYMBOLS))


def cp2k_xyz(scaled, cells):
    """Return what CP2K writes by ``(A4,1X,3F20.10)`` under a comment with step and time [fs]; it tells no cell."""
    text = []
    for index, positions in enumerate(wrapped(scaled, cells)):
        text.append(
            f"{len(SYMBOLS):8d}\n i = {100 * index:8d}, time = {INTERVAL_FS * index:12.3f}, E = {-17.1:20.10f}\n"
        )
        text += [
            f"{name:>3s} " + "".join(f"{x:20.10f}" for x in row) + "\n"
            for name, row in zip(SYMBOLS, positions, strict=True)
        ]
    return "".join(text)


def ipi_xyz(scaled, cells, *, units="positions{angstrom}  cell{angstrom}", length=1.0, digits=14):
    text = []
    for index, positions in enumerate(wrapped(scaled, cells)):
        a, b, c, *angles = cell_to_cellpar(cells[index])
        told = " ".join(repr(float(x)) for x in (a * length, b * length, c * length, *angles))
        text.append(f"{len(SYMBOLS)}\n# CELL(abcABC): {told}  Step: {100 * index:10d}  Bead:       0 {units}\n")
        rows = positions * length
        text += [
            f"{name:>8s}" + "".join(f" {x:.{digits}e}" for x in row) + "\n"
            for name, row in zip(SYMBOLS, rows, strict=True)
        ]
    return "".join(text)


def gro(scaled, cells, *, motion=None, decimals=3):
    """Return what GROMACS writes; more decimals widen the columns."""
    text, width = [], decimals + 5
    for index, positions in enumerate(wrapped(scaled, cells)):
        text.append(f"glass t= {0.05 * index:9.5f} step= {100 * index}\n{len(SYMBOLS):5d}\n")
        for atom, name in enumerate(SYMBOLS):
            row = "".join(f"{x / 10:{width}.{decimals}f}" for x in positions[atom])
            if motion is not None:
                row += "".join(f"{v * 100:{width}.{decimals + 1}f}" for v in motion[index][atom])
            text.append(f"{atom + 1:5d}{name.upper():5s}{name.upper():>5s}{atom + 1:5d}{row}\n")
        box = (cells[index] / 10).ravel()[[0, 4, 8, 1, 2, 3, 5, 6, 7]]
        text.append(" ".join(repr(float(x)) for x in (box if box[3:].any() else box[:3])) + "\n")
    return "".join(text)


def pdb(scaled, cells, *, has_elements=True, title="TITLE     glass t= {ps:9.5f} step= {step}"):
    text = []
    for index, positions in enumerate(wrapped(scaled, cells)):
        lengths = "".join(f"{x:9.3f}" for x in cell_to_cellpar(cells[index])[:3])
        angles = "".join(f"{x:7.2f}" for x in cell_to_cellpar(cells[index])[3:])
        text.append(title.format(ps=0.05 * index, step=100 * index, fs=INTERVAL_FS * index) + "\n")
        text.append(f"CRYST1{lengths}{angles} P 1           1\nMODEL     {index + 1:4d}\n")
        for atom, name in enumerate(SYMBOLS):
            row = "".join(f"{x:8.3f}" for x in positions[atom])
            element = name.upper() if has_elements else ""
            text.append(f"ATOM  {atom + 1:5d} {name.upper():>4s} {name.upper():3s}  {atom + 1:4d}    {row}")
            text.append(f"{1:6.2f}{0:6.2f}          {element:>2s}\n")
        text.append("TER\nENDMDL\n")
    return "".join(text)


def write_netcdf(path, scaled, cells, *, motion=None, version=2):
    """Write what AMBER does, by another hand."""
    with netcdf_file(path, "w", version=version) as file:
        file.Conventions = "AMBER"
        for name, size in (("frame", None), ("spatial", 3), ("atom", len(SYMBOLS)), ("cell_spatial", 3)):
            file.createDimension(name, size)
        arrays = {"time": ("f", (), "picosecond", 0.05 * np.arange(len(cells)))}
        arrays["coordinates"] = ("f", ("atom", "spatial"), "angstrom", wrapped(scaled, cells))
        parameters = np.array([cell_to_cellpar(cell) for cell in cells])
        arrays["cell_lengths"] = ("d", ("cell_spatial",), "angstrom", parameters[:, :3])
        arrays["cell_angles"] = ("d", ("cell_spatial",), "degree", parameters[:, 3:])
        if motion is not None:
            arrays["velocities"] = ("f", ("atom", "spatial"), "angstrom/picosecond", motion * 1000 / 20.455)
        for name, (kind, dimensions, unit, values) in arrays.items():
            variable = file.createVariable(name, kind, ("frame", *dimensions))
            variable.units = unit
            if name == "velocities":
                variable.scale_factor = 20.455
            variable[: len(values)] = values


def write_mdtraj(path, scaled, cells):
    """Write arrays as MDTraj lays them out in HDF5, in nm and ps."""
    with h5py.File(path, "w") as file:
        parameters = np.array([cell_to_cellpar(cell) for cell in cells])
        arrays = {"coordinates": (wrapped(scaled, cells).astype(np.float32) / 10, "nanometers")}
        arrays["time"] = (0.05 * np.arange(len(cells), dtype=np.float32), "picoseconds")
        arrays |= {
            "cell_lengths": (parameters[:, :3] / 10, "nanometers"),
            "cell_angles": (parameters[:, 3:], "degrees"),
        }
        for name, (values, unit) in arrays.items():
            file[name] = values
            file[name].attrs["units"] = unit


def nep(scaled, cells, *, motion=None):
    """Return what GPUMD dumps: keys in lower case, time in fs, velocities in Å/fs."""
    text = []
    for index, positions in enumerate(wrapped(scaled, cells)):
        lattice = " ".join(repr(float(value)) for value in cells[index].ravel())
        text.append(f'{len(SYMBOLS)}\nTime={INTERVAL_FS * index:.8f} pbc="T T T" lattice="{lattice}" ')
        text.append(f"properties=species:S:1:pos:R:3{'' if motion is None else ':vel:R:3'}:group:I:1\n")
        for atom, name in enumerate(SYMBOLS):
            row = [*positions[atom], *([] if motion is None else motion[index][atom])]
            text.append(" ".join([name.upper(), *(repr(float(x)) for x in row), "0"]) + "\n")
    return "".join(text)


COMPRESSORS = {
    "gz": gzip.compress,
    "bz2": lambda content: bz2.compress(content, 1),  # blocks of 100 kB
    "xz": lzma.compress,
    "zst": lambda content: zstandard.ZstdCompressor().compress(content),
}


def write_ase(path, scaled, cells, *, motion=None):
    with AseTrajectory(path, "w") as file:
        for atoms in as_atoms(scaled, cells, motion):
            file.write(atoms)


def as_atoms(scaled, cells, motion=None):
    frames = []
    for index, positions in enumerate(wrapped(scaled, cells)):
        atoms = Atoms(SYMBOLS, positions=positions, cell=cells[index], pbc=True)
        if motion is not None:
            atoms.set_velocities(motion[index] / units.fs)
        frames.append(atoms)
    return frames


def write_torchsim(path, scaled, cells, *, motion=None):
    with h5py.File(path, "w") as file:
        arrays = {"positions": wrapped(scaled, cells), "cell": cells.transpose(0, 2, 1), "masses": MASSES[None]}
        arrays["atomic_numbers"] = Atoms(SYMBOLS).numbers[None]
        if motion is not None:
            arrays["velocities"] = motion / units.fs
        for name, array in arrays.items():
            chunks = (min(5, len(array)), *array.shape[1:])
            file.create_dataset(f"data/{name}", data=array, chunks=chunks, compression="gzip", shuffle=True)
            file.create_dataset(f"steps/{name}", data=np.arange(len(array)) * 100)


def make(kind, folder, scaled, cells, motion=None):
    """Write a trajectory; return its path and what ``open_trajectory`` needs beside it."""
    path = folder / f"run.{kind}"
    name, _, columns = kind.partition(":")
    if name == "dump":
        path.write_text(dump(scaled, cells, columns=columns, motion=motion))
        return path, {"timestep_fs": 0.5}
    if kind in ("dump.gz", "dump.bz2", "dump.xz", "dump.zst"):
        path.write_bytes(COMPRESSORS[kind[5:]](dump(scaled, cells).encode()))
        return path, {"timestep_fs": 0.5}
    if kind == "ipi":
        path.write_text(ipi_xyz(scaled, cells))
        return path, {"timestep_fs": 0.5}
    if kind == "nep":
        path.write_text(nep(scaled, cells, motion=motion))
        return path, {}
    if kind == "gro":
        path.write_text(gro(scaled, cells, motion=motion))
        return path, {}
    if kind == "gro7":
        path.write_text(gro(scaled, cells, motion=motion, decimals=7))
        return path, {}
    if kind == "pdb":
        path.write_text(pdb(scaled, cells))
        return path, {}
    if kind == "nc":
        write_netcdf(path, scaled, cells, motion=motion)
        return path, {"symbols": SYMBOLS}
    if kind == "mdtraj.h5":
        write_mdtraj(path, scaled, cells)
        return path, {"symbols": SYMBOLS}
    if kind == "touching":
        path.write_text(touching_xdatcar(scaled, cells))
        return path, {"timestep_fs": INTERVAL_FS}
    if kind == "general":
        path.write_text(dump(scaled, cells, general=True))
        return path, {"timestep_fs": 0.5}
    if kind == "XDATCAR":
        path.write_text(xdatcar(scaled, cells, repeats_header=True))
        return path, {"timestep_fs": INTERVAL_FS}
    if kind == "extxyz":
        path.write_text(extxyz(scaled, cells))
        return path, {"timestep_fs": INTERVAL_FS}
    if kind == "dcd":
        write_dcd(path, scaled, cells)
        return path, {"symbols": SYMBOLS}
    if kind == "xtc":
        write_xtc(path, scaled, cells)
        return path, {"symbols": SYMBOLS}
    writer = {"trr": write_trr, "traj": write_ase, "h5": write_torchsim}[kind]
    writer(path, scaled, cells, motion=motion)
    times = {"trr": {"symbols": SYMBOLS}, "traj": {"timestep_fs": INTERVAL_FS}, "h5": {"timestep_fs": 0.5}}
    return path, times[kind]


DOUBLE = [
    "dump:id element x y z",
    "dump:q xs ys zs element id",
    "dump:id type element xu yu zu",
    "dump:xsu ysu zsu id element",
    "dump.gz",
    "general",
    "XDATCAR",
    "extxyz",
    "traj",
    "h5",
    "dump:id element ix iy iz x y z",
    "dump:xs ys zs ix iy iz q id element",
    "dump.bz2",
    "dump.xz",
    "dump.zst",
    "ipi",
    "nep",
]
TOLERANCES = {
    **dict.fromkeys(DOUBLE, 1e-10),
    **dict.fromkeys(("dcd", "trr", "nc", "mdtraj.h5"), 1e-5),
    **dict.fromkeys(("gro7", "touching"), 1e-6),
    **dict.fromkeys(("xtc", "pdb"), 1e-3),
    "gro": 5e-3,
}


def assert_same_sums(series, expected, tolerance):
    assert set(series.species) == set(expected.species)
    order = [series.species.index(name) for name in expected.species]
    scale = np.abs(expected.collective_A).max()
    np.testing.assert_allclose(series.collective_A[:, order], expected.collective_A, rtol=0, atol=tolerance * scale)
    np.testing.assert_allclose(series.volume_A3, expected.volume_A3, rtol=max(tolerance, 1e-12))
    np.testing.assert_allclose(series.time_fs, expected.time_fs, rtol=1e-6)
    np.testing.assert_array_equal(series.counts[order], expected.counts)
    np.testing.assert_allclose(series.masses[order], expected.masses)


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
@pytest.mark.parametrize("kind", TOLERANCES)
def test_every_format_gives_the_sums_of_the_walk(tmp_path, kind, cell):
    scaled, cells = walk(), cells_of(cell)
    path, needed = make(kind, tmp_path, scaled, cells)
    series, notes = reduce_trajectory(open_trajectory(path, **needed))
    moved = (scaled - scaled[0]) @ cell
    for name in ("Li", "P", "S"):
        total = moved[:, np.array(SYMBOLS) == name].sum(axis=1)
        found = series.collective_A[:, series.species.index(name)]
        np.testing.assert_allclose(found, total, rtol=0, atol=TOLERANCES[kind] * np.abs(moved).max() * 3)
    assert series.interval_fs == pytest.approx(INTERVAL_FS, rel=1e-6)
    assert notes == ()


@pytest.mark.parametrize("kind", TOLERANCES)
def test_every_format_gives_the_sums_in_a_breathing_cell(tmp_path, kind):
    scaled, cells = walk(1), cells_of(TRICLINIC, breathes=True)
    path, needed = make(kind, tmp_path, scaled, cells)
    trajectory = open_trajectory(path, **needed)
    assert trajectory.is_unwrapped == ("xu" in kind or "xsu" in kind or "ix" in kind)
    assert_same_sums(reduce_trajectory(trajectory)[0], truth(scaled, cells), TOLERANCES[kind])


@pytest.fixture(scope="module")
def diffusive():
    """Return the scaled positions of Li that diffuses beside a framework that drifts, cells and the conductivity."""
    rng = np.random.default_rng(3)
    is_ion = np.array(SYMBOLS) == "Li"
    steps = np.where(is_ion[:, None], rng.normal(0, 0.05, (1500, len(SYMBOLS), 3)), rng.normal(0, 0.005, (1500, 1, 3)))
    scaled, cells = rng.uniform(0, 1, (len(SYMBOLS), 3)) + np.cumsum(steps, axis=0), np.tile(TRICLINIC, (1500, 1, 1))
    return scaled, cells, conductivity(truth(scaled, cells))


def conductivity(series):
    found = estimate_transport([series], {"Li": 1.0}, 600.0)["conductivity"]
    assert isinstance(found, Estimate), found
    return found.value


@pytest.mark.parametrize("kind", TOLERANCES)
def test_every_format_gives_the_same_conductivity(tmp_path, kind, diffusive):
    scaled, cells, expected = diffusive
    path, needed = make(kind, tmp_path, scaled, cells)
    found = conductivity(reduce_trajectory(open_trajectory(path, **needed))[0])
    assert found == pytest.approx(expected, rel=TOLERANCES[kind])


@pytest.mark.parametrize("kind", ["dump:id element vx vy vz x y z", "trr", "traj", "h5", "nep", "gro7", "nc"])
def test_velocities_are_summed_to_currents_and_temperature(tmp_path, kind):
    scaled, cells, motion = walk(), cells_of(CUBIC), velocities()
    path, needed = make(kind, tmp_path, scaled, cells, motion)
    trajectory = open_trajectory(path, **needed)
    assert trajectory.has_velocities
    series, _ = reduce_trajectory(trajectory)
    expected = truth(scaled, cells, motion)
    tolerance = TOLERANCES.get(kind, 1e-10)
    order = [series.species.index(name) for name in expected.species]
    np.testing.assert_allclose(series.currents_A_fs[:, order], expected.currents_A_fs, rtol=0, atol=tolerance * 0.02)
    temperatures = [atoms.get_temperature() for atoms in as_atoms(scaled, cells, motion)]
    np.testing.assert_allclose(series.temperature_K, temperatures, rtol=1e-5)


def test_metal_units_scale_velocities_and_nothing_else(tmp_path):
    scaled, cells, motion = walk(), cells_of(CUBIC), velocities()
    columns = "id element x y z vx vy vz"
    (tmp_path / "real").write_text(dump(scaled, cells, columns=columns, motion=motion))
    (tmp_path / "metal").write_text(dump(scaled, cells, columns=columns, motion=motion, unit=1000.0))
    real, _ = reduce_trajectory(open_trajectory(tmp_path / "real", timestep_fs=1.0))
    metal, _ = reduce_trajectory(open_trajectory(tmp_path / "metal", timestep_fs=1.0, lammps_units="metal"))
    np.testing.assert_allclose(metal.currents_A_fs, real.currents_A_fs, rtol=1e-12)
    np.testing.assert_array_equal(metal.collective_A, real.collective_A)
    with pytest.raises(InputError, match=r"lammps_units is 'lj'; expected real or metal"):
        open_trajectory(tmp_path / "real", timestep_fs=1.0, lammps_units="lj")


def test_a_dump_that_tells_units_and_time_is_taken_at_its_word(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    text, path = dump(scaled, cells), tmp_path / "dump"
    numbered = iter(range(N_FRAMES))
    told = re.sub("ITEM: NUMBER", lambda _: f"ITEM: TIME\n{0.05 * next(numbered)!r}\nITEM: NUMBER", text)
    path.write_text(told.replace("ITEM: TIMESTEP", "ITEM: UNITS\nmetal\nITEM: TIMESTEP"))
    assert open_trajectory(path, lammps_units="metal").interval_fs == pytest.approx(50.0)
    assert open_trajectory(path, lammps_units="metal", timestep_fs=0.5).interval_fs == pytest.approx(50.0)
    overruled = open_trajectory(path, lammps_units="metal", timestep_fs=2.0)
    assert overruled.interval_fs == 200.0
    (warning,) = overruled.warnings
    assert "the file says that frames are 50 fs apart (100 MD steps of 0.5 fs)" in warning
    assert "--timestep-fs 2 × 100 MD steps makes them 200 fs, which is taken" in warning
    with pytest.raises(InputError, match=r"is in units metal; expected real; give --lammps-units metal"):
        open_trajectory(path)


def test_files_of_ase_and_of_ours_are_read(tmp_path):
    scaled, cells, motion = walk(), cells_of(TRICLINIC), velocities()
    frames = as_atoms(scaled, cells, motion)
    expected = truth(scaled, cells, motion)
    write(tmp_path / "ase.extxyz", frames)
    write_frames(frames, tmp_path / "ours.extxyz")
    for name in ("ase.extxyz", "ours.extxyz"):
        series, _ = reduce_trajectory(open_trajectory(tmp_path / name, timestep_fs=50.0))
        assert_same_sums(series, expected, 1e-7)
        if name == "ase.extxyz":
            np.testing.assert_allclose(series.currents_A_fs, expected.currents_A_fs, atol=1e-8)
    whole = reduce_frames(read(tmp_path / "ase.extxyz", ":"), 50.0)
    series, _ = reduce_trajectory(open_trajectory(tmp_path / "ase.extxyz", timestep_fs=50.0))
    np.testing.assert_allclose(series.collective_A, whole.collective_A, atol=1e-12)
    np.testing.assert_allclose(series.temperature_K, whole.temperature_K, rtol=1e-6)  # other CODATA


def test_a_file_of_torchsim_is_read(tmp_path):
    torchsim = pytest.importorskip("torch_sim")
    import torch
    from torch_sim.trajectory import TorchSimTrajectory

    scaled, cells = walk(), cells_of(TRICLINIC, breathes=True)
    with TorchSimTrajectory(tmp_path / "run.h5", mode="w", coerce_to_float32=False) as file:
        for index, atoms in enumerate(as_atoms(scaled, cells)):
            state = torchsim.io.atoms_to_state([atoms], device="cpu", dtype=torch.float64)
            file.write_state(state, 100 * index)
    series, _ = reduce_trajectory(open_trajectory(tmp_path / "run.h5", timestep_fs=0.5))
    assert_same_sums(series, truth(scaled, cells), 1e-10)


@pytest.mark.parametrize("kind", TOLERANCES)
def test_stride_and_a_later_start_skip_frames(tmp_path, kind):
    scaled, cells = walk(), cells_of(CUBIC)
    path, needed = make(kind, tmp_path, scaled, cells)
    every = [frame.positions_A for frame in open_trajectory(path, **needed)]
    third = open_trajectory(path, stride=3, **needed)
    assert third.interval_fs == pytest.approx(150.0, rel=1e-6)
    np.testing.assert_array_equal([frame.positions_A for frame in third], every[::3])
    np.testing.assert_array_equal([frame.positions_A for frame in third.frames(2)], every[6::3])


# --- times


def test_interval_comes_from_the_files_own_times(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    write_dcd(tmp_path / "namd.dcd", scaled, cells)
    write_dcd(tmp_path / "lammps.dcd", scaled, cells, delta=0.5, remarks="Written by LAMMPS")
    write_dcd(tmp_path / "metal.dcd", scaled, cells, delta=0.0005, remarks="Written by LAMMPS")
    write_trr(tmp_path / "late.trr", scaled, cells, first_ps=90_000.0)  # single precision there: 0.008 ps
    (tmp_path / "timed.extxyz").write_text(extxyz(scaled, cells, comment="time_fs={time:g} step={index}"))
    for name in ("namd.dcd", "lammps.dcd", "late.trr", "timed.extxyz"):
        for timestep_fs in (None, 50.0):
            known = {"symbols": SYMBOLS, "timestep_fs": timestep_fs}
            assert open_trajectory(tmp_path / name, **known).interval_fs == pytest.approx(50.0, rel=1e-6)
            assert open_trajectory(tmp_path / name, **known).warnings == ()
        other = open_trajectory(tmp_path / name, symbols=SYMBOLS, timestep_fs=51.0)
        assert other.interval_fs == 51.0
        assert "the file says that frames are 50 fs apart" in other.warnings[0]
        assert "--timestep-fs 51 makes them 51 fs, which is taken" in other.warnings[0]
    metal = open_trajectory(tmp_path / "metal.dcd", symbols=SYMBOLS, lammps_units="metal")
    assert metal.interval_fs == pytest.approx(50.0, rel=1e-6)
    assert reduce_trajectory(open_trajectory(tmp_path / "late.trr", symbols=SYMBOLS))[0].time_fs[-1] == pytest.approx(
        550.0
    )


def test_files_without_times_need_one(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    write_dcd(tmp_path / "vmd.dcd", scaled, cells, delta=1.0, every=1)
    write_xtc(tmp_path / "zero.xtc", scaled, cells, times_ps=np.zeros(N_FRAMES))
    (tmp_path / "XDATCAR").write_text(xdatcar(scaled, cells))
    for name in ("vmd.dcd", "zero.xtc", "XDATCAR"):
        known = {} if name == "XDATCAR" else {"symbols": SYMBOLS}
        with pytest.raises(
            InputError, match=r"tells no times; expected the time between its frames .*give --timestep-fs"
        ):
            open_trajectory(tmp_path / name, **known)
        assert open_trajectory(tmp_path / name, timestep_fs=7.0, **known).interval_fs == 7.0
        assert open_trajectory(tmp_path / name, timestep_fs=7.0, stride=2, **known).interval_fs == 14.0
    (tmp_path / "dump").write_text(dump(scaled, cells))
    with pytest.raises(InputError, match=r"the MD step .*; give --timestep-fs"):
        open_trajectory(tmp_path / "dump")
    with pytest.raises(InputError, match=r"timestep_fs is -1.0; expected a positive time"):
        open_trajectory(tmp_path / "dump", timestep_fs=-1.0)


def uneven(values, at):
    values = list(values)
    return values[:at] + [value + values[1] - values[0] for value in values[at:]]


def test_uneven_spacing_is_refused_with_the_first_frame_that_has_another(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    steps = uneven(range(0, 100 * N_FRAMES, 100), 7)
    (tmp_path / "dump").write_text(dump(scaled, cells, steps=steps))
    (tmp_path / "XDATCAR").write_text(xdatcar(scaled, cells, numbers=uneven(range(1, N_FRAMES + 1), 7)))
    write_xtc(tmp_path / "run.xtc", scaled, cells, times_ps=1000 + 0.05 * np.array(steps) / 100)
    text = extxyz(scaled, cells, comment="time_fs={time}")
    (tmp_path / "run.extxyz").write_text(text.replace("time_fs=350.0", "time_fs=360.0"))
    for name in ("dump", "XDATCAR", "run.xtc", "run.extxyz"):
        known = {"timestep_fs": 1.0} if name in ("dump", "XDATCAR") else {"symbols": SYMBOLS}
        with pytest.raises(InputError, match=rf"^frame 7 of \S+{name} comes .* after the one before, .*even spacing"):
            reduce_trajectory(open_trajectory(tmp_path / name, **known))
        resumed = open_trajectory(tmp_path / name, **known).frames(7)
        with pytest.raises(InputError, match=r"^frame 7 of"):
            next(resumed)
    (tmp_path / "dump").write_text(dump(scaled, cells, steps=[0] * N_FRAMES))
    with pytest.raises(InputError, match=r"is not later than the first"):
        open_trajectory(tmp_path / "dump", timestep_fs=1.0)


def test_xdatcars_of_a_continued_run_one_after_the_other(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    first, second = xdatcar(scaled[:5], cells[:5]), xdatcar(scaled[5:], cells[5:])
    (tmp_path / "XDATCAR").write_text(first + second)
    series, notes = reduce_trajectory(open_trajectory(tmp_path / "XDATCAR", timestep_fs=50.0))
    assert_same_sums(series, truth(scaled, cells), 1e-10)
    (note,) = notes
    assert note.startswith("steps or times start anew at frame 5; taken as the run going on")


def test_xdatcars_with_a_gap_or_of_two_runs_are_rejected(tmp_path):
    rng = np.random.default_rng(4)
    runs = [np.cumsum(rng.normal(0, 0.01, (60, len(SYMBOLS), 3)), axis=0) + walk()[0] for _ in range(2)]
    cells = np.repeat(cells_of(CUBIC)[:1], 60, axis=0)
    for first, second in ((runs[0][:20], runs[0][40:]), (runs[0][:40], runs[1][:20])):
        text = xdatcar(first, cells[: len(first)]) + xdatcar(second, cells[: len(second)])
        (tmp_path / "XDATCAR").write_text(text)
        with pytest.raises(InputError, match=rf"^frame {len(first)} of .*XDATCAR steps back behind the frame before"):
            reduce_trajectory(open_trajectory(tmp_path / "XDATCAR", timestep_fs=50.0))


# --- broken files


def cut(content, kind):
    """Return the bytes of a file that ends in the middle of its last frame."""
    return content[: -len(content) // N_FRAMES // 3] if kind != "dump.gz" else content[:-40]


@pytest.mark.parametrize("kind", ["dump:id element x y z", "dump.gz", "XDATCAR", "extxyz", "dcd", "xtc", "trr", "traj"])
def test_a_last_frame_cut_short_is_left_out_and_said_so(tmp_path, kind):
    scaled, cells = walk(), cells_of(TRICLINIC)
    path, needed = make(kind, tmp_path, scaled, cells)
    path.write_bytes(cut(path.read_bytes(), kind))
    series, notes = reduce_trajectory(open_trajectory(path, **needed))
    expected = truth(scaled[:-1], cells[:-1])
    if kind == "dump.gz":  # what the decompressor still gives
        assert 2 <= len(series.time_fs) < N_FRAMES
        expected = truth(scaled[: len(series.time_fs)], cells[: len(series.time_fs)])
    assert_same_sums(series, expected, TOLERANCES[kind])
    assert notes == (f"{path.name} ends within frame {len(series.time_fs)}, which is left out",)


def test_a_number_or_a_head_cut_short_at_the_end_is_no_frame(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    content = dump(scaled, cells)
    for text in (content.rstrip()[:-3], content + "ITEM: TIMESTEP\n", content + "ITEM: TIMESTEP\n90"):
        (tmp_path / "dump").write_text(text)
        series, notes = reduce_trajectory(open_trajectory(tmp_path / "dump", timestep_fs=1.0))
        assert len(series.time_fs) == (N_FRAMES if "90" in text[-3:] or text.endswith("STEP\n") else N_FRAMES - 1)
        assert len(notes) == 1
    (tmp_path / "dump").write_text(content + "\n \n")
    assert reduce_trajectory(open_trajectory(tmp_path / "dump", timestep_fs=1.0))[1] == ()


def test_frames_larger_than_what_is_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("aiida_elyte.science.trajectory.text_stream._CHUNK", 100)
    scaled, cells = walk(), cells_of(TRICLINIC)
    for kind in ("dump:id element x y z", "dump.gz", "XDATCAR", "extxyz"):
        path, needed = make(kind, tmp_path, scaled, cells)
        assert_same_sums(reduce_trajectory(open_trajectory(path, **needed))[0], truth(scaled, cells), 1e-10)


@pytest.mark.parametrize("kind", ["dump:id element x y z", "XDATCAR", "extxyz"])
def test_text_damaged_in_the_middle_is_refused_with_the_frame(tmp_path, kind):
    path, needed = make(kind, tmp_path, walk(), cells_of(CUBIC))
    lines = path.read_text().split("\n")
    lines_a_frame = (len(lines) - 1) // N_FRAMES
    shortened = lines[: 4 * lines_a_frame - 2] + lines[4 * lines_a_frame :]
    garbled = [*lines[: 4 * lines_a_frame - 2], "* * * * *", *lines[4 * lines_a_frame - 1 :]]
    for damaged in (shortened, garbled):
        path.write_text("\n".join(damaged))
        with pytest.raises(InputError, match=rf"^frame [34] of {re.escape(str(path))} cannot be read \(.*cut the file"):
            reduce_trajectory(open_trajectory(path, **needed))


@pytest.mark.parametrize("kind", ["xtc", "trr", "traj", "h5", "dump.gz"])
def test_binaries_damaged_in_the_middle_are_refused(tmp_path, kind):
    path, needed = make(kind, tmp_path, walk(), cells_of(CUBIC))
    content = bytearray(path.read_bytes())
    middle = len(content) // (5 if kind == "traj" else 2)
    if kind == "h5":
        with h5py.File(path) as file:
            middle = file["data/positions"].id.get_chunk_info(1).byte_offset
    content[middle : middle + 400] = b"\x5a" * 400
    path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        reduce_trajectory(open_trajectory(path, **needed))


@pytest.mark.parametrize("kind", ["xtc", "trr", "traj", "h5", "dcd"])
def test_binaries_cut_in_the_first_frame_are_refused(tmp_path, kind):
    path, needed = make(kind, tmp_path, walk(), cells_of(CUBIC))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=re.escape(str(path))):
        open_trajectory(path, **needed)


def test_missing_empty_and_unknown_files(tmp_path):
    with pytest.raises(InputError, match=r"trajectory \S+nothing is not there; expected a file"):
        open_trajectory(tmp_path / "nothing")
    (tmp_path / "empty.xtc").touch()
    with pytest.raises(InputError, match=r"empty.xtc is empty; expected a trajectory"):
        open_trajectory(tmp_path / "empty.xtc")
    (tmp_path / "letter.txt").write_text("Dear all,\nplease find attached\n")
    with pytest.raises(InputError, match=r"is of no known format; expected LAMMPS dump"):
        open_trajectory(tmp_path / "letter.txt")
    write_xtc(tmp_path / "run.xtc", walk(), cells_of(CUBIC))
    (tmp_path / "run.xtc.gz").write_bytes(gzip.compress((tmp_path / "run.xtc").read_bytes()))
    with pytest.raises(InputError, match=r"gzipped binary file; expected a plain one; gunzip it"):
        open_trajectory(tmp_path / "run.xtc.gz", symbols=SYMBOLS)


@pytest.mark.parametrize("kind", TOLERANCES)
def test_one_frame_is_too_few(tmp_path, kind):
    path, needed = make(kind, tmp_path, walk(n_frames=1), cells_of(CUBIC)[:1])
    with pytest.raises(InputError, match=r"holds one whole frame at stride 1; expected two or more"):
        reduce_trajectory(open_trajectory(path, **needed))


def test_shuffled_atoms_are_refused_where_the_file_tells(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    orders = [range(7)] * 8 + [[1, 0, 2, 3, 4, 5, 6]] * 4
    (tmp_path / "run.extxyz").write_text(extxyz(scaled, cells, orders=orders))
    with pytest.raises(InputError, match=r"^frame 8 of \S+ lists its atoms in another order"):
        reduce_trajectory(open_trajectory(tmp_path / "run.extxyz", timestep_fs=1.0))
    text = dump(scaled, cells, shuffled=False)
    head, _, tail = text.rpartition("\n3 Li")
    (tmp_path / "dump").write_text(head + "\n3 S" + tail)
    with pytest.raises(InputError, match=r"^frame 11 of \S+ lists its atoms in another order"):
        reduce_trajectory(open_trajectory(tmp_path / "dump", timestep_fs=1.0))
    (tmp_path / "dump").write_text(head + "\n4 Li" + tail)
    with pytest.raises(InputError, match=r"^frame 11 of \S+ has other atom ids or types than the first frame"):
        reduce_trajectory(open_trajectory(tmp_path / "dump", timestep_fs=1.0))
    (tmp_path / "dump").write_text(dump(scaled, cells, columns="element x y z"))
    with pytest.raises(InputError, match=r"has columns element x y z; expected id and x y z"):
        open_trajectory(tmp_path / "dump", timestep_fs=1.0)


def test_positions_that_are_no_numbers_are_refused(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    broken = scaled.copy()
    broken[6, 2] = np.nan
    for kind in ("dump:id element xu yu zu", "traj", "trr"):
        path, needed = make(kind, tmp_path, broken, cells)
        with pytest.raises(InputError, match=r"frame 6 of .* has positions that are not finite"):
            reduce_trajectory(open_trajectory(path, **needed))


def test_a_file_without_cell_needs_one(tmp_path):
    scaled, cells = walk(), cells_of(TRICLINIC)
    path = tmp_path / "plain.xyz"
    text = re.sub(r"Properties=\S+ Lattice=.*", "a comment = of no use", extxyz(scaled, cells))
    path.write_text(re.sub(r"^(\w+) 7 ", r"\1 ", text, flags=re.MULTILINE))
    with pytest.raises(InputError, match=r"frame 0 of .* has no cell; expected three cell vectors; give --cell"):
        open_trajectory(path, timestep_fs=50.0)
    series, _ = reduce_trajectory(open_trajectory(path, timestep_fs=50.0, cell_A=TRICLINIC))
    assert_same_sums(series, truth(scaled, cells), 1e-10)
    path.write_text(extxyz(scaled, cells))
    assert_same_sums(reduce_trajectory(open_trajectory(path, timestep_fs=50.0, cell_A=TRICLINIC))[0], series, 1e-10)
    with pytest.raises(InputError, match=r"has a cell of its own \(.*leave --cell out"):
        open_trajectory(path, timestep_fs=50.0, cell_A=1.01 * TRICLINIC)


def other_byte_order(content):
    """Return a DCD file as a machine of the other byte order writes it, read off its records."""
    turned, place, head = [], 0, []
    while place < len(content):
        (size,) = np.frombuffer(content, "<i4", 1, place)
        record = np.frombuffer(content, "u1", size, place + 4)
        place += 8 + size
        if len(head) == 0:
            delta = "<f4" if record[80:].any() else "<f8"  # of CHARMM, or of X-PLOR
            n_after = 10 if delta == "<f4" else 9
            fields = np.dtype([("magic", "S4"), ("before", "<i4", 9), ("delta", delta), ("after", "<i4", n_after)])
            swapped = [record.view(fields).byteswap().tobytes()]
        elif len(head) == 1:
            swapped = [record[:4].view("<i4").byteswap().tobytes(), record[4:].tobytes()]
        else:
            swapped = [record.view("<f8" if size == 48 else "<f4").byteswap().tobytes()]
        head.append(size)
        length = int(size).to_bytes(4, "big")
        turned.append(length + b"".join(swapped) + length)
    return b"".join(turned)


@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "cut"])
@pytest.mark.parametrize("has_cells", [True, False], ids=["cells", "no_cells"])
@pytest.mark.parametrize("order", ["this", "other"])
def test_dcd_files_of_either_byte_order_with_and_without_cells(tmp_path, order, has_cells, is_cut):
    scaled, cells, path = walk(), cells_of(TRICLINIC), tmp_path / "run.dcd"
    if has_cells:
        write_dcd(path, scaled, cells)
    else:
        with DCDFile(str(path), "w") as file:
            file.write_header("made by hand", len(SYMBOLS), 700, 100, 0.5 / AKMA_FS, 0)
            for positions in wrapped(scaled, cells):
                file.write(positions, np.zeros(6))
    content = path.read_bytes() if order == "this" else other_byte_order(path.read_bytes())
    path.write_bytes(content[:-30] if is_cut else content)
    n_frames = N_FRAMES - is_cut
    known = {"symbols": SYMBOLS, "cell_A": None if has_cells else TRICLINIC}
    for start, stride in ((0, 1), (1, 3)):
        trajectory = open_trajectory(path, stride=stride, **known)
        frames = list(trajectory.frames(start))
        expected = wrapped(scaled, cells)[:n_frames][start * stride :: stride].astype(np.float32)
        np.testing.assert_array_equal([frame.positions_A for frame in frames], expected)
        np.testing.assert_allclose([frame.cell_A for frame in frames], cells[: len(frames)], rtol=0, atol=1e-12)
        assert trajectory.notes == ((f"run.dcd ends within frame {n_frames}, which is left out",) if is_cut else ())
    series, _ = reduce_trajectory(open_trajectory(path, **known))
    assert_same_sums(series, truth(scaled[:n_frames], cells[:n_frames]), 1e-5)


# --- elements


def test_elements_must_come_from_somewhere(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    write_xtc(tmp_path / "run.xtc", scaled, cells)
    (tmp_path / "dump").write_text(dump(scaled, cells, columns="id type x y z"))
    (tmp_path / "start.extxyz").write_text(extxyz(scaled[:1], cells[:1]))
    for name in ("run.xtc", "dump"):
        timestep_fs = 0.5 if name == "dump" else None
        with pytest.raises(InputError, match=r"does not tell the elements of its atoms; .* give --topology"):
            open_trajectory(tmp_path / name, timestep_fs=timestep_fs)
        with pytest.raises(InputError, match=r"symbols has 2 entries for 7 atoms"):
            open_trajectory(tmp_path / name, timestep_fs=timestep_fs, symbols=["Li", "S"])
        with pytest.raises(InputError, match=r"names atoms Q; expected chemical symbols"):
            open_trajectory(tmp_path / name, timestep_fs=timestep_fs, symbols=["Q"] * 7)
        found = open_trajectory(tmp_path / name, timestep_fs=timestep_fs, topology=tmp_path / "start.extxyz")
        assert found.symbols == SYMBOLS
        np.testing.assert_allclose(found.masses, MASSES)


def test_a_topology_of_another_system_is_refused(tmp_path):
    scaled, cells = walk(), cells_of(CUBIC)
    (tmp_path / "run.extxyz").write_text(extxyz(scaled, cells))
    write(tmp_path / "small.extxyz", Atoms("Li", cell=CUBIC))
    write(tmp_path / "other.extxyz", Atoms(SYMBOLS[::-1], cell=CUBIC))
    with pytest.raises(InputError, match=r"has 7 atoms, its topology .*small.extxyz 1; expected the same"):
        open_trajectory(tmp_path / "run.extxyz", timestep_fs=1.0, topology=tmp_path / "small.extxyz")
    with pytest.raises(InputError, match=r"atom 2 is Li in .* and S in .*other.extxyz; expected the same order"):
        open_trajectory(tmp_path / "run.extxyz", timestep_fs=1.0, topology=tmp_path / "other.extxyz")


def test_a_real_xdatcar(shared_data):
    trajectory = open_trajectory(shared_data / "trajectories" / "Li6PS5Cl_XDATCAR", timestep_fs=100.0)
    series, notes = reduce_trajectory(trajectory)
    assert dict(zip(series.species, series.counts, strict=True)) == {"Li": 192, "Cl": 32, "S": 160, "P": 32}
    assert len(series.time_fs) == 140
    assert notes == ()
