"""Mutations of trajectories: no traceback, no frame that the file did not hold, no gap in time."""

import pytest

from tests.fuzz.laws import assert_laws
from tests.fuzz.seed_files import SEEDS


@pytest.mark.parametrize("seed", SEEDS["trajectories"], ids=lambda seed: seed.name)
def test_mutated_trajectories_are_read_as_they_were_or_rejected_in_a_line(seed, tmp_path):
    assert_laws(seed, tmp_path)


@pytest.mark.parametrize("seed", SEEDS["binary"], ids=lambda seed: seed.name)
def test_binary_trajectories_that_are_cut_keep_their_whole_frames(seed, tmp_path):
    assert_laws(seed, tmp_path)
