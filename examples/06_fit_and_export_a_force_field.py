"""Fit a class-2 force field to labelled molecules, and write one for LAMMPS.

    python 06_fit_and_export_a_force_field.py

Dimethyl ether, shaken, with forces and charges of GFN2-xTB: half a minute. A file of frames serves as well as a list:
``elyte.fit_force_field("clusters.extxyz", folder="fit")``.
"""

from ase.build import molecule
from tblite.ase import TBLite

import aiida_elyte as elyte

frames = [molecule("CH3OCH3") for _ in range(40)]
for seed, frame in enumerate(frames):
    frame.rattle(0.05, seed=seed)
    frame.calc = TBLite(method="GFN2-xTB", verbosity=0)
    frame.get_forces()
fitted = elyte.fit_force_field(frames)
system = fitted.export("dimethyl_ether", "COC")
error = fitted.errors["overall"]["force_rmse_kcal_mol_A"]
print(f"force RMSE {error:.2f} kcal/mol/Å on frames held back; {len(system.positions)} atoms in dimethyl_ether/")
assert 0 < error < 3
