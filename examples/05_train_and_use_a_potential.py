"""Train two members on labelled frames, and compute with their mean.

    python 05_train_and_use_a_potential.py

Argon with Lennard-Jones labels and a small network: a minute, and no number of worth. The frames were made by
`data/make.py`. A file serves as well as a list: ``elyte.train("frames.extxyz", members=4)``.
"""

from pathlib import Path

import aiida_elyte as elyte

elyte.setup()
frames = elyte.read_frames(Path(__file__).parent / "data" / "argon.extxyz")
small = {"architecture": {"n_features": 16, "n_layers": 1, "n_rbf": 8, "cutoff_A": 5.0}, "max_epochs": 20}
potential = elyte.train(frames[:20], members=2, overrides={"train": {"settings": small}}).load()
frames[20].calc = potential.calculator()
error = potential.evaluate(frames[21:])["ensemble"]["force_mae_eV_A"]
print(f"force MAE {error:.4f} eV/Å; spread {frames[20].calc.get_property('forces_spread', frames[20]).max():.4f} eV/Å")
assert 0 < error < 0.06
