"""What the tests of formats read."""

import pytest

from tests.science.trajectory import walks


@pytest.fixture
def run():
    scaled, cells = walks.walk(), walks.cells_of(walks.CUBIC)
    return scaled, cells
