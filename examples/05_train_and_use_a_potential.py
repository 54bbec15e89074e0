"""Train two members on labelled frames, and compute with their mean.

    python 05_train_and_use_a_potential.py

Argon with Lennard-Jones labels and a small network: a minute, and no number of worth. A file of frames serves as well
as a list: ``elyte.train("frames.extxyz", members=4)``.
"""

from ase.build import bulk
from ase.calculators.lj import LennardJones

import aiida_elyte as elyte

SMALL = {"architecture": {"n_features": 16, "n_layers": 1, "n_rbf": 8, "cutoff_A": 5.0}, "max_epochs": 20}

elyte.setup()
frames = [bulk("Ar", a=5.3, cubic=True) for _ in range(24)]
for seed, frame in enumerate(frames):
    frame.rattle(0.2, seed=seed)
    frame.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=5.0)
    frame.get_forces()
potential = elyte.train(frames[:20], members=2, overrides={"train": {"settings": SMALL}}).load()
frames[20].calc = potential.calculator()
spread = frames[20].calc.get_property("forces_spread", frames[20]).max()
error = potential.evaluate(frames[21:])["ensemble"]["force_mae_eV_A"]
print(f"force MAE {1000 * error:.1f} meV/Å on three frames, largest spread of a force {1000 * spread:.1f} meV/Å")
assert 0 < error < 0.06
