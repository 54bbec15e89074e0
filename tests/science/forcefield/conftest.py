"""The molecules of most tests of the fit."""

import pytest

from aiida_elyte.science.forcefield.dataset import group_frames
from tests.science.forcefield.labelled_systems import frames_of
from tests.science.forcefield.molecules import MOLECULES


@pytest.fixture(scope="module")
def systems():
    """DME, Li–DME–TFSI: planar and tetrahedral centres, palindromes, two ions."""
    return group_frames(
        frames_of(MOLECULES["dme"], 3, 1, "DME") + frames_of(MOLECULES["li_dme_tfsi"], 2, 2, "Li-DME-TFSI")
    )
