"""The same walk in the binary formats of trajectories."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.geometry import cell_to_cellpar
from ase.io.trajectory import Trajectory

from tests.fuzz.molten_salt import CELL, N_FRAMES, SYMBOLS, walk

__all__ = ["BINARY", "INTERVAL_FS"]

INTERVAL_FS = 10.0
_AKMA_FS = 48.88821


def _speeds():
    return np.random.default_rng(4).normal(0, 0.004, (N_FRAMES, len(SYMBOLS), 3))


def _bytes_of(write: Callable[[Path], None]) -> Callable[[], bytes]:
    def content() -> bytes:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "run"
            write(path)
            return path.read_bytes()

    return content


def _dcd(path):
    from MDAnalysis.lib.formats.libdcd import DCDFile

    a, b, c, *angles = cell_to_cellpar(CELL)
    alpha, beta, gamma = np.cos(np.radians(angles))
    with DCDFile(str(path), "w") as file:
        file.write_header("molten salt", len(SYMBOLS), 0, 10, INTERVAL_FS / 10 / _AKMA_FS, 1)
        for scaled in walk():
            file.write(scaled @ CELL, [a, gamma, b, beta, alpha, c])


def _xtc(path):
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    with XTCFile(str(path), "w") as file:
        for index, scaled in enumerate(walk()):
            file.write(scaled @ CELL / 10, CELL / 10, 10 * index, INTERVAL_FS / 1000 * index, 1000)


def _trr(path):
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile

    with TRRFile(str(path), "w") as file:
        for index, scaled in enumerate(walk()):
            time = INTERVAL_FS / 1000 * index
            file.write(scaled @ CELL / 10, _speeds()[index] * 100, None, CELL / 10, 10 * index, time, 0, len(SYMBOLS))


def _netcdf(path):
    from scipy.io import netcdf_file

    parameters = cell_to_cellpar(CELL)
    with netcdf_file(path, "w", version=2) as file:
        file.Conventions, file.ConventionVersion = "AMBER", "1.0"
        for name, size in (("frame", None), ("spatial", 3), ("atom", len(SYMBOLS)), ("cell_spatial", 3)):
            file.createDimension(name, size)
        file.createDimension("cell_angular", 3)
        layout = {
            "time": (("frame",), "picosecond", INTERVAL_FS / 1000 * np.arange(N_FRAMES)),
            "coordinates": (("frame", "atom", "spatial"), "angstrom", walk() @ CELL),
            "cell_lengths": (("frame", "cell_spatial"), "angstrom", np.tile(parameters[:3], (N_FRAMES, 1))),
            "cell_angles": (("frame", "cell_angular"), "degree", np.tile(parameters[3:], (N_FRAMES, 1))),
        }
        for name, (dimensions, unit, values) in layout.items():
            variable = file.createVariable(name, "f8" if name.startswith("cell") else "f4", dimensions)
            variable.units = unit
            variable[:] = values


def _ase(path):
    with Trajectory(path, "w") as file:
        for scaled, speeds in zip(walk(), _speeds(), strict=True):
            atoms = Atoms(SYMBOLS, scaled_positions=scaled, cell=CELL, pbc=True)
            atoms.set_velocities(speeds / units.fs)
            file.write(atoms)


def _torchsim(path):
    import h5py

    arrays = {
        "positions": walk() @ CELL,
        "cell": np.tile(CELL.T, (N_FRAMES, 1, 1)),
        "velocities": _speeds() / units.fs,
        "atomic_numbers": Atoms(SYMBOLS).numbers[None],
        "masses": Atoms(SYMBOLS).get_masses()[None],
    }
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(f"data/{name}", data=array)
            file.create_dataset(f"steps/{name}", data=np.arange(len(array)) * 10)


BINARY = {
    "DCD": ("run.dcd", _bytes_of(_dcd), {"symbols": SYMBOLS}),
    "XTC": ("run.xtc", _bytes_of(_xtc), {"symbols": SYMBOLS}),
    "TRR": ("run.trr", _bytes_of(_trr), {"symbols": SYMBOLS}),
    "AMBER NetCDF": ("run.nc", _bytes_of(_netcdf), {"symbols": SYMBOLS}),
    "ASE traj": ("run.traj", _bytes_of(_ase), {"timestep_fs": INTERVAL_FS}),
    "torch-sim HDF5": ("run.h5", _bytes_of(_torchsim), {"timestep_fs": 1.0}),
}
"""Format → name of its file, its content, what ``open_trajectory`` needs beside it."""
