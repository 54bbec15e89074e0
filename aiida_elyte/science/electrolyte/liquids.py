"""Loose periodic boxes of small molecules and ions by Packmol, which packs them up to the density of a liquid."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from aiida_elyte.errors import EngineMissingError, InputError
from aiida_elyte.science.electrolyte.packing import PackedBox, join_kinds
from aiida_elyte.science.molecules.molecule import embed_molecule

__all__ = ["find_packmol", "pack_liquid", "packmol_input"]

TOLERANCE_A = 2.0
"""Least distance of atoms of different molecules [Å], as Packmol recommends."""

_SECONDS = 600
"""Time Packmol gets [s]."""


def find_packmol() -> str:
    """Return the path of Packmol, beside this Python or on the ``PATH``.

    Raises
    ------
    InputError
        If it is not there.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    path = shutil.which("packmol", path=places)
    if path is None:
        raise EngineMissingError(
            "packmol is not installed; expected it, to pack liquids; pip install 'aiida-elyte[boxes]'"
        )
    return path


def pack_liquid(molecules: Mapping[str, int], density_g_cm3: float, seed: int) -> PackedBox:
    """Pack molecules and ions into a periodic cube.

    Parameters
    ----------
    molecules
        SMILES of each molecule or ion → its number, as ``{"C1COC(=O)O1": 100, "[Li+]": 10, …}``.
    density_g_cm3
        Density of the box [g/cm³]: up to nine tenths of the liquid's packs quickly.
    seed
        Seed of conformers and places.

    Returns
    -------
    PackedBox
        Molecules in the order given, whole.

    Raises
    ------
    InputError
        If a number is invalid, the box is empty or not neutral, Packmol is not there or finds no packing.

    References
    ----------
    Martínez, Andrade, Birgin and Martínez, J. Comput. Chem. 30, 2157 (2009). https://doi.org/10.1002/jcc.21224
    """
    packmol = find_packmol()
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=len(molecules)).tolist()
    small = [embed_molecule(smiles, seed=own) for smiles, own in zip(molecules, seeds, strict=True)]
    topology, edge = join_kinds([graph for _, graph in small], molecules, density_g_cm3)
    text = packmol_input(list(molecules.values()), edge, seed)
    with tempfile.TemporaryDirectory() as folder:
        for number, (atoms, _) in enumerate(small):
            (Path(folder) / f"{number}.xyz").write_text(_xyz(atoms))
        given = Path(folder) / "packmol.inp"
        given.write_text(text)
        try:
            with given.open() as handle:  # Packmol rewinds what it reads: no pipe
                done = subprocess.run(
                    [packmol], cwd=folder, stdin=handle, capture_output=True, text=True, timeout=_SECONDS, check=False
                )
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"density_g_cm3 is {density_g_cm3:g} and packmol finds no packing in {_SECONDS} s; expected a looser "
                "box; lower the density"
            ) from error
        packed = Path(folder) / "packed.xyz"
        if done.returncode != 0 or not packed.exists() or "Success!" not in done.stdout:
            raise InputError(
                f"density_g_cm3 is {density_g_cm3:g} and packmol finds no packing; expected a looser box; lower the "
                "density, molecular dynamics compresses it"
            )
        rows = [line.split() for line in packed.read_text().splitlines()[2:]]
    positions = np.array([[float(value) for value in row[1:4]] for row in rows])
    return PackedBox(positions=positions, cell=edge * np.eye(3), topology=topology)


def packmol_input(counts: Sequence[int], edge_A: float, seed: int) -> str:
    """Write the input of Packmol for molecules in files ``0.xyz``, ``1.xyz`` … and a periodic cube.

    Parameters
    ----------
    counts
        Number of each kind.
    edge_A
        Edge of the cube [Å].
    seed
        Seed of Packmol.
    """
    lines = [
        f"tolerance {TOLERANCE_A}",
        "filetype xyz",
        "output packed.xyz",
        f"seed {seed % (2**31 - 2) + 1}",
        f"pbc {edge_A:.6f} {edge_A:.6f} {edge_A:.6f}",
    ]
    for number, count in enumerate(counts):
        lines += [f"structure {number}.xyz", f"  number {count}", "end structure"]
    return "\n".join(lines) + "\n"


def _xyz(atoms: Atoms) -> str:
    rows = [f"{s} {x:.8f} {y:.8f} {z:.8f}" for s, (x, y, z) in zip(atoms.symbols, atoms.positions, strict=True)]
    return "\n".join([str(len(atoms)), "", *rows]) + "\n"
