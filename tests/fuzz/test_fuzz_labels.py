"""Mutations of files with labelled frames: no traceback, and never a frame that the file did not hold."""

import pytest

from tests.fuzz.laws import assert_laws
from tests.fuzz.seed_files import SEEDS


@pytest.mark.parametrize("seed", SEEDS["labels"], ids=lambda seed: seed.name)
def test_mutated_labels_are_read_as_they_were_or_rejected_in_a_line(seed, tmp_path):
    assert_laws(seed, tmp_path)
