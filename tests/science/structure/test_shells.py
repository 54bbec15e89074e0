"""Both passes over the shells of ions, broken off and taken up again from an npz file."""

import numpy as np
import pytest

from aiida_elyte.program import Checkpoint
from aiida_elyte.science.structure.shells import ShellFinder, ShellRecorder, name_atoms

SIDE = 9.0
SYMBOLS = ["Li"] * 4 + ["O"] * 20 + ["F"] * 12
NAMES = name_atoms(SYMBOLS, {"O of x/y": np.arange(4, 24)})
SITES = ["O of x/y", "F"]
MOLECULES = np.repeat(np.arange(18), 2)


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(5)
    steps = rng.normal(0, 0.15, (90, len(SYMBOLS), 3))
    steps[0] = rng.uniform(0, SIDE, steps[0].shape)
    return np.cumsum(steps, axis=0)


def feed(work, frames):
    for positions in frames:
        work.add(positions, SIDE * np.eye(3))
    return work


def finder():
    return ShellFinder(NAMES, "Li", SITES, 4.4, 0.2)


def recorder():
    return ShellRecorder(NAMES, "Li", {"O of x/y": 3.0, "F": 2.5}, MOLECULES, 10.0)


@pytest.mark.parametrize("make", [finder, recorder])
@pytest.mark.parametrize("n_before", [0, 1, 40, 89])
def test_a_pass_taken_up_again_ends_as_an_unbroken_one(tmp_path, frames, make, n_before):
    Checkpoint(tmp_path / "c.npz", {}).save(n_before, feed(make(), frames[:n_before]).state_dict())
    again = make()
    again.load_state_dict(Checkpoint(tmp_path / "c.npz", {}).load().arrays)
    feed(again, frames[n_before:])
    unbroken = feed(make(), frames)
    if make is recorder:
        assert again.finish("F", 20.0) == unbroken.finish("F", 20.0)
    else:
        for site, function in unbroken.finish().items():
            for name, value in vars(function).items():
                np.testing.assert_array_equal(vars(again.finish()[site])[name], value)
    for name, array in unbroken.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], array)
