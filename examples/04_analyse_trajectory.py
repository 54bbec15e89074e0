"""Anybody's trajectory to its conductivity, without an AiiDA profile.

    python 04_analyse_trajectory.py

The trajectory is made here, so that the answer is known: 24 ions of charge +1 that do not know of each other, with
D = 1e-5 cm²/s in 12 Å × 12 Å × 12 Å at 600 K, conduct e² N D / V k T = 430 mS/cm.
"""

import numpy as np
from ase import Atoms
from ase.io import write

import aiida_elyte as elyte

steps = np.random.default_rng(0).normal(0.0, 0.1, (500, 32, 3)) * (np.arange(32) < 24)[:, None]  # 2 D Δt = 0.01 Å²
write("run.extxyz", [Atoms("Li24S8", place, cell=[12.0] * 3, pbc=True) for place in np.cumsum(steps, axis=0)])

found = elyte.analyse("run.extxyz", charges={"Li": 1}, temperature_K=600, timestep_fs=50).conductivity
print(f"σ = {found.value:.0f} ± {found.std:.0f} {found.unit}, expected 430")
assert found.ci95[0] < 430 < found.ci95[1]
