"""Copies of one trajectory among replicas: the same motion, whatever was done to the file."""

from dataclasses import replace

import numpy as np
import pytest

from aiida_elyte.science.trajectory.reduction import Reducer
from aiida_elyte.science.transport.copies import find_copy

N_FRAMES = 120
SYMBOLS = np.array(["Li"] * 12 + ["S"] * 12)
MASSES = np.where(SYMBOLS == "Li", 6.94, 32.06)
CELL = 12.0 * np.eye(3)


def run(seed, start=0):
    """Return positions of a run; those of one start begin alike."""
    steps = np.random.default_rng(seed).normal(0, 0.15, (N_FRAMES, 24, 3))
    steps[:, SYMBOLS == "S"] *= 0.3
    return np.random.default_rng(start).uniform(0, 12, (24, 3)) + np.cumsum(steps, axis=0) - steps[0]


def reduced(positions, interval_fs=50.0, symbols=SYMBOLS):
    reducer = Reducer(symbols.tolist(), np.where(symbols == "Li", 6.94, 32.06), interval_fs)
    for frame in positions:
        reducer.add(frame % 12.0, CELL)
    return reducer.finish()


ORDER = np.random.default_rng(9).permutation(24)
COPIES = {
    "the same file": reduced,
    "in another format, rounded to 0.01 Å": lambda x: reduced(x.round(2)),
    "its first half": lambda x: reduced(x[:60]),
    "its second half": lambda x: reduced(x[60:]),
    "a part from its middle": lambda x: reduced(x[31:70]),
    "every third frame": lambda x: reduced(x[::3], 150.0),
    "every third frame from the second on": lambda x: reduced(x[1::3], 150.0),
    "with a time of its own": lambda x: reduced(x, 2444.41),
    "every third frame, at the same time step": lambda x: reduced(x[::3]),
    "every other frame, at a time of its own": lambda x: reduced(x[1::2], 2444.41),
    "centred anew at every frame": lambda x: reduced(x + np.random.default_rng(3).normal(0, 0.5, (len(x), 1, 3))),
    "atoms in another order": lambda x: reduced(x[:, ORDER], symbols=SYMBOLS[ORDER]),
    "shifted": lambda x: reduced(x + 3.0),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("is_later", [True, False])
def test_copies_are_found(copy, is_later):
    pair = [reduced(run(1)), copy(run(1))]
    assert find_copy([reduced(run(5)), *(pair if is_later else pair[::-1])]) == (1, 2)


def test_parts_that_overlap_are_found():
    assert find_copy([reduced(run(1)[:80]), reduced(run(1)[50:])]) == (0, 1)


@pytest.mark.parametrize("is_one_start", [True, False])
def test_independent_runs_are_no_copies(is_one_start):
    assert find_copy([reduced(run(seed, 0 if is_one_start else seed)) for seed in range(1, 6)]) is None


def test_parts_that_follow_each_other_are_no_copies():
    assert find_copy([reduced(run(1)[:60]), reduced(run(1)[60:])]) is None


def test_other_species_and_runs_at_rest_are_no_copies():
    one = reduced(run(1))
    assert find_copy([one, replace(one, species=("Na", "S"))]) is None
    still = replace(one, collective_A=np.zeros_like(one.collective_A))
    assert find_copy([still, still]) is None
    assert find_copy([one]) is None
