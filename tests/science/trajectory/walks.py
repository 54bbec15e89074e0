"""A walk of seven atoms in all the formats that are read, written by hand and by other packages."""

import bz2
import gzip
import lzma

import h5py
import numpy as np
import zstandard
from ase import Atoms, units
from ase.geometry import cell_to_cellpar
from ase.io.trajectory import Trajectory as AseTrajectory
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile
from scipy.io import netcdf_file

from aiida_elyte.science.trajectory.formats import reader_of
from aiida_elyte.science.trajectory.reduction import Reducer

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


def bytes_of(write, path, run):
    """Write a file; return its bytes."""
    write(path, *run)
    return path.read_bytes()


def frames_of(path, *, lammps_units="real", elements=None, stride=1):
    """Return the snapshots of a file, and the notes."""
    notes = []
    return list(reader_of(path, lammps_units, elements)(path, 0, stride, notes)), notes


def written(folder, name, text):
    path = folder / name
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return path
