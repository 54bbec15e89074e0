"""Structures and topologies: one crystal of rock salt, and two molecules LiCl."""

import numpy as np

from tests.cif_text import SITE_COLUMNS
from tests.fuzz.molten_salt import CELL, SYMBOLS, numbers, walk

__all__ = ["cif", "lammps_data", "pdb", "psf"]


def cif():
    """Return rock salt, by symmetry, with the formula and Z that its sites must have."""
    return f"""data_halite
_chemical_formula_sum 'Cl1 Na1'
_cell_formula_units_Z 4
_cell_length_a 5.6402(2)
_cell_length_b 5.6402(2)
_cell_length_c 5.6402(2)
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_cell_volume 179.43
_space_group_name_H-M_alt 'P m m m'
_space_group_IT_number 47
loop_
_space_group_symop_operation_xyz
'x, y, z'
'-x, -y, z'
'-x, y, -z'
'x, -y, -z'
'-x, -y, -z'
'x, y, -z'
'x, -y, z'
'-x, y, z'
{SITE_COLUMNS}Na1 Na1+ 0.0000 0.0000 0.0000 1.0
Na2 Na1+ 0.5000 0.5000 0.0000 1.0
Na3 Na1+ 0.5000 0.0000 0.5000 1.0
Na4 Na1+ 0.0000 0.5000 0.5000 1.0
Cl1 Cl1- 0.5000 0.5000 0.5000 1.0
Cl2 Cl1- 0.5000 0.0000 0.0000 1.0
Cl3 Cl1- 0.0000 0.5000 0.0000 1.0
Cl4 Cl1- 0.0000 0.0000 0.5000 1.0
"""


_CHARGES = {"Li": 1.0, "Cl": -1.0}
_MASSES = {"Li": 6.94, "Cl": 35.45}


def lammps_data():
    """Return the data file of two molecules LiCl, style full, with bonds."""
    rows = []
    for atom, (symbol, place) in enumerate(zip(SYMBOLS, walk()[0] @ CELL, strict=True)):
        kind = 1 + (symbol == "Cl")
        rows.append(f"{atom + 1} {1 + atom % 2} {kind} {_CHARGES[symbol]} {numbers(place, '{:.6f}')}\n")
    counts = "4 atoms\n2 bonds\n2 atom types\n1 bond types\n"
    box = "0.0 5.1 xlo xhi\n0.0 5.3 ylo yhi\n0.0 5.5 zlo zhi\n0.4 -0.3 0.2 xy xz yz\n"
    masses = "Masses\n\n1 6.94\n2 35.45\n"
    bonds = "Bonds\n\n1 1 1 3\n2 1 2 4\n"
    return f"molten salt\n\n{counts}\n{box}\n{masses}\nAtoms # full\n\n{''.join(rows)}\n{bonds}"


def psf():
    """Return a PSF of the same molecules."""
    rows = []
    for atom, symbol in enumerate(SYMBOLS):
        names = f"{atom + 1:8d} SALT {1 + atom % 2:<4d} LIC  {symbol:<4s} {symbol:<4s}"
        rows.append(f"{names} {_CHARGES[symbol]:10.6f} {_MASSES[symbol]:13.4f} {0:11d}\n")
    bonds = "".join(f"{atom:8d}" for atom in (1, 3, 2, 4))
    head = "PSF\n\n       1 !NTITLE\n REMARKS molten salt\n\n"
    return f"{head}{4:8d} !NATOM\n{''.join(rows)}\n{2:8d} !NBOND: bonds\n{bonds}\n\n"


def pdb():
    """Return a PDB file of the same molecules, with elements and bonds."""
    lengths = "".join(f"{length:9.3f}" for length in np.linalg.norm(CELL, axis=1))
    rows = [f"CRYST1{lengths}  87.92  93.12  85.68 P 1           1\n"]
    for atom, (symbol, place) in enumerate(zip(SYMBOLS, walk()[0] @ CELL, strict=True)):
        name, columns = symbol.upper(), "".join(f"{value:8.3f}" for value in place)
        names = f"HETATM{atom + 1:5d} {name:<4s} LIC A{1 + atom % 2:4d}"
        rows.append(f"{names}    {columns}  1.00  0.00          {name:>2s}\n")
    return "".join([*rows, "CONECT    1    3\n", "CONECT    2    4\n", "END\n"])
