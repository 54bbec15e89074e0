"""Fit a class-2 force field to labelled molecules, and write one for LAMMPS.

    python 06_fit_and_export_a_force_field.py

Dimethyl ether, shaken, with forces and charges of GFN2-xTB (made by `data/make.py`): half a minute. A list of frames
serves as well as a file.
"""

from pathlib import Path

import aiida_elyte as elyte

fitted = elyte.fit_force_field(Path(__file__).parent / "data" / "dimethyl_ether.extxyz")
system = fitted.export("dimethyl_ether", "COC")
error = fitted.errors["overall"]["force_rmse_kcal_mol_A"]
print(f"force RMSE {error:.2f} kcal/mol/Å on frames held back; {len(system.positions)} atoms in dimethyl_ether/")
assert 0 < error < 3
