"""Cells for trajectories that carry none: as numbers, of a structure, or of a file of CP2K with one for each step."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot
from aiida_elyte.units import G_CM3

__all__ = ["Cells", "cell_of_structure", "describe_cell", "parse_cells", "read_cells", "validate_volume"]

_VOLUME_PER_ATOM_A3 = (2.0, 1e5)
"""Volume per atom in which condensed matter lies [Å³]: hydrogen under pressure has 2, the ions of a dilute solution,
written without their solvent, 10⁵ at 0.02 mol/L."""

_DENSEST_G_CM3 = 25.0
"""Density that nothing in the laboratory exceeds [g/cm³]: osmium has 22.6."""

_EXPECTED = (
    "expected a,b,c or a,b,c,alpha,beta,gamma [Å, degrees], nine numbers (the three vectors, Å), or a file: CP2K's "
    ".cell, LAMMPS data, GRO, PDB, POSCAR, CIF, extxyz"
)


@dataclass(frozen=True)
class Cells:
    """One cell for all frames, or one for each of some steps."""

    name: str
    """What tells them, as messages name it."""
    vectors_A: np.ndarray
    """Rows are the cell vectors [Å], shape ``(n, 3, 3)``; one for all frames where ``n`` is 1."""
    steps: np.ndarray | None = None
    """Number of the MD step of each, ascending, shape ``(n,)``."""
    times_fs: np.ndarray | None = None
    """Time of each [fs], ascending, shape ``(n,)``."""

    @property
    def is_constant(self) -> bool:
        """Whether there is one for all frames."""
        return len(self.vectors_A) == 1

    def cell_of(self, snapshot: Snapshot, where: str) -> np.ndarray:
        """Return the cell of a frame, found by its step, else by its time; shape ``(3, 3)`` [Å].

        Raises
        ------
        InputError
            If cells change and the frame tells neither step nor time, or none is given for it.
        """
        if self.is_constant:
            return np.asarray(self.vectors_A[0])
        if snapshot.step is not None and self.steps is not None:
            place = int(np.searchsorted(self.steps, snapshot.step))
            if place < len(self.steps) and self.steps[place] == snapshot.step:
                return np.asarray(self.vectors_A[place])
            said = f"step {snapshot.step}"
        elif snapshot.time_fs is not None and self.times_fs is not None:
            place = int(np.abs(self.times_fs - snapshot.time_fs).argmin())
            if abs(self.times_fs[place] - snapshot.time_fs) <= 2e-3 + 1e-6 * abs(snapshot.time_fs):
                return np.asarray(self.vectors_A[place])
            said = f"{snapshot.time_fs:g} fs"
        else:
            raise InputError(
                f"{where} tells neither step nor time, and {self.name} holds cells that change; expected a step or "
                "time to match them by; write the trajectory with its cells, as extxyz or DCD"
            )
        raise InputError(
            f"{where} is at {said}, of which {self.name} holds no cell; expected one for each frame; write the cells "
            "as often as the positions"
        )


def parse_cells(text: str) -> Cells:
    """Return the cells that the value of ``--cell`` gives: numbers, or the name of a file.

    Raises
    ------
    InputError
        If it is neither.
    """
    words = text.replace(",", " ").replace(";", " ").split()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return read_cells(text)
    if len(numbers) not in (3, 6, 9) or not all(map(math.isfinite, numbers)):
        raise InputError(f"--cell is {text!r}; {_EXPECTED}")
    if len(numbers) == 9:
        vectors = np.array(numbers).reshape(3, 3)
    else:
        vectors = _of_parameters(*numbers, *([90.0] * (6 - len(numbers))))
    return Cells("--cell", _checked(vectors, f"--cell {text}")[None])


def _of_parameters(a: float, b: float, c: float, alpha: float, beta: float, gamma: float) -> np.ndarray:
    """Return the vectors of a cell, ``a`` along x and ``b`` in the xy plane; zeros where there is none."""
    cos_a, cos_b, cos_g = (0.0 if angle == 90 else math.cos(math.radians(angle)) for angle in (alpha, beta, gamma))
    sine = math.sin(math.radians(gamma))
    if min(a, b, c) <= 0 or not all(0 < angle < 180 for angle in (alpha, beta, gamma)):
        return np.zeros((3, 3))
    along_y = (cos_a - cos_b * cos_g) / sine
    height = 1 - cos_b**2 - along_y**2
    if not height > 0:  # no three vectors have these angles
        return np.zeros((3, 3))
    vectors = [[a, 0, 0], [b * cos_g, b * sine, 0], [c * cos_b, c * along_y, c * math.sqrt(height)]]
    return np.array(vectors)


def _checked(vectors: np.ndarray, name: str) -> np.ndarray:
    if not (np.isfinite(vectors).all() and abs(np.linalg.det(vectors)) > 1e-6):
        raise InputError(f"{name} has no volume; {_EXPECTED}")
    return vectors


def read_cells(path: str | Path) -> Cells:
    """Read the cells of CP2K's ``.cell`` file, or the cell of a structure.

    Raises
    ------
    InputError
        If the file is missing or tells no cell.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"--cell is {str(path)!r}, which is neither a cell nor a file; {_EXPECTED}")
    with path.open("rb") as handle:
        head = handle.read(400).decode("latin-1")
    if head.lstrip().startswith("#") and "Step" in head and "Ax" in head:
        return _read_cp2k(path)
    vectors = cell_of_structure(path)
    if vectors is None:
        raise InputError(f"{path} tells no cell; {_EXPECTED}")
    return Cells(str(path), vectors[None])


def _read_cp2k(path: Path) -> Cells:
    """Read a ``.cell`` file: step, time [fs], nine components [Å], volume; rows of a restart repeat earlier ones."""
    with path.open() as handle:
        lines = handle.read().splitlines()
    unit = re.search(r"Ax \[(\w+)\]", lines[0])
    if unit is not None and unit[1].lower() != "angstrom":
        raise InputError(f"{path} gives cells in {unit[1]}; expected Å; convert it, or run with UNIT angstrom")
    rows = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if rows and len(rows[-1]) < 12:  # cut while it was written
        rows.pop()
    try:
        table = np.array(rows, float).reshape(len(rows), 12)
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read ({error}); expected twelve numbers a line, as in CP2K's .cell; write it anew"
        ) from error
    if not len(table):
        raise InputError(f"{path} holds no cells; expected a line for each step; write it anew")
    vectors = table[:, 2:11].reshape(-1, 3, 3)
    volumes = np.abs(np.linalg.det(vectors))
    bad = np.flatnonzero(~(volumes > 1e-6) | (np.abs(volumes - table[:, 11]) > 1e-3 * volumes))
    if bad.size:
        raise InputError(
            f"{path} gives a volume of {table[bad[0], 11]:g} Å³ at step {table[bad[0], 0]:.0f} beside vectors of "
            f"{volumes[bad[0]]:g} Å³; expected them alike; write it anew"
        )
    if np.abs(vectors - vectors[0]).max() <= 1e-9 * np.abs(vectors).max():
        return Cells(str(path), vectors[:1])
    steps, places = np.unique(table[:, 0].astype(np.int64), return_index=True)
    changed = np.abs(vectors - vectors[places][np.searchsorted(steps, table[:, 0].astype(np.int64))]).max(axis=(1, 2))
    if (changed > 1e-6 * np.abs(vectors).max()).any():
        raise InputError(
            f"{path} gives two cells for step {table[int(changed.argmax()), 0]:.0f}; expected one run in order of "
            "time; cut the rows that were written twice"
        )
    return Cells(str(path), vectors[places], steps, table[places, 1])


def cell_of_structure(path: str | Path) -> np.ndarray | None:
    """Return the cell that a structure or topology carries [Å], shape ``(3, 3)``; ``None`` where it carries none."""
    path = Path(path)
    found = next((cell for read in _READERS if (cell := read(path)) is not None), None)
    if found is None or not (np.isfinite(found).all() and abs(np.linalg.det(found)) > 1e-6):
        return None
    return found


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as handle:
        for raw in handle:
            yield raw.decode("latin-1").rstrip("\r\n")


def _of_lammps_data(path: Path) -> np.ndarray | None:
    """Read the box of a LAMMPS data file, orthogonal, restricted or general triclinic."""
    bounds: dict[str, list[float]] = {}
    for number, line in enumerate(_lines(path)):
        match = re.match(r"\s*((?:[-+.\deE]+\s+){2,3})(xlo xhi|ylo yhi|zlo zhi|xy xz yz|avec|bvec|cvec)\b", line)
        if match:
            bounds[match[2]] = [float(word) for word in match[1].split()]
        if number > 100 or re.match(r"\s*(Atoms|Masses)\b", line):
            break
    if {"avec", "bvec", "cvec"} <= set(bounds):
        return np.array([bounds[name] for name in ("avec", "bvec", "cvec")])
    if not {"xlo xhi", "ylo yhi", "zlo zhi"} <= set(bounds):
        return None
    cell = np.diag([bounds[name][1] - bounds[name][0] for name in ("xlo xhi", "ylo yhi", "zlo zhi")])
    if "xy xz yz" in bounds:
        cell[[1, 2, 2], [0, 0, 1]] = bounds["xy xz yz"]
    return cell


def _of_gro(path: Path) -> np.ndarray | None:
    """Read the last line of the first frame of a GRO file, in nm."""
    if path.suffix.lower() != ".gro":
        return None
    lines = _lines(path)
    next(lines, None)
    count = next(lines, "").strip()
    if not count.isdigit():
        return None
    for _ in range(int(count)):
        next(lines, None)
    try:
        numbers = [10.0 * float(word) for word in next(lines, "").split()]
    except ValueError:
        return None
    if len(numbers) not in (3, 9):
        return None
    xx, yy, zz, xy, xz, yx, yz, zx, zy = numbers + [0.0] * (9 - len(numbers))
    return np.array([[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]])


def _of_pdb(path: Path) -> np.ndarray | None:
    if path.suffix.lower() not in (".pdb", ".ent", ".pdbqt", ".pqr"):
        return None
    for line in _lines(path):
        if line.startswith("CRYST1"):
            try:
                numbers = [float(line[place : place + 9]) for place in (6, 15, 24)]
                angles = [float(line[place : place + 7]) for place in (33, 40, 47)]
            except ValueError:
                return None
            if numbers == [1.0, 1.0, 1.0]:  # written where there is no crystal
                return None
            return _of_parameters(*numbers, *angles)
        if line.startswith(("ATOM", "HETATM", "END")):
            return None
    return None


def _of_ase(path: Path) -> np.ndarray | None:
    from ase.io import read

    name = path.name.lower()
    is_poscar = name.startswith(("poscar", "contcar", "xdatcar")) or path.suffix in (".vasp", ".poscar")
    if not is_poscar and path.suffix.lower() not in (".cif", ".extxyz", ".traj", ".xyz"):
        return None
    options: dict[str, Any] = {"format": "vasp-xdatcar" if name.startswith("xdatcar") else "vasp"} if is_poscar else {}
    try:
        atoms = read(path, index=0, **options)
    except Exception as error:  # readers of ASE fail in every way
        raise InputError(f"the cell of {path} cannot be read ({error}); expected a structure; write it anew") from error
    cell = atoms[0].cell if isinstance(atoms, list) else atoms.cell
    return np.asarray(cell.array, float) if cell.rank == 3 else None


_READERS = (_of_gro, _of_ase, _of_pdb, _of_lammps_data)


def validate_volume(cell_A: np.ndarray, masses: np.ndarray) -> str | None:
    """Return why a cell cannot be that of so many atoms, if it cannot.

    Parameters
    ----------
    cell_A
        Rows are the cell vectors [Å], shape ``(3, 3)``.
    masses
        Mass of each atom [amu], shape ``(n_atoms,)``.
    """
    volume = abs(float(np.linalg.det(cell_A)))
    per_atom, density = volume / len(masses), float(masses.sum()) / volume * G_CM3
    lowest, highest = _VOLUME_PER_ATOM_A3
    if lowest <= per_atom <= highest and density <= _DENSEST_G_CM3:
        return None
    return (
        f"has a volume of {volume:.4g} Å³ for {len(masses)} atoms, {per_atom:.3g} Å³ each and {density:.3g} g/cm³; "
        f"expected {lowest:g} to {highest:g} Å³ an atom and at most {_DENSEST_G_CM3:g} g/cm³"
    )


def describe_cell(cell_A: np.ndarray) -> str:
    """Return edges and angles of a cell in words."""
    from ase.geometry import cell_to_cellpar

    a, b, c, *angles = (float(value) for value in cell_to_cellpar(cell_A))
    edges = f"{a:.4g} × {b:.4g} × {c:.4g} Å"
    if all(abs(angle - 90) < 0.005 for angle in angles):
        return f"{edges}, right angles"
    return f"{edges}, {', '.join(f'{angle:.4g}°' for angle in angles)}"
