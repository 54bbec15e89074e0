import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.rmsd import framework_displacement, framework_rmsd

CELL = np.array([[9.0, 0, 0], [2.0, 8.0, 0], [-1.0, 1.5, 10.0]])


def _sites(n=40):
    return np.random.default_rng(0).uniform(0, 1, (n, 3)) @ CELL


@pytest.mark.parametrize("drift", [[0, 0, 0], [1.3, -2.0, 0.7], [4.6, 4.1, -5.3], [40.0, 3.0, 7.0]])
def test_drift_and_wrapping_are_no_displacement(drift):
    sites = _sites()
    wrapped = ((sites + drift) @ np.linalg.inv(CELL) % 1.0) @ CELL
    assert framework_displacement(wrapped, CELL, sites, CELL) == pytest.approx(0.0, abs=1e-9)


def test_strain_is_no_displacement():
    strained = CELL @ np.diag([1.05, 0.97, 1.02])
    scaled = _sites() @ np.linalg.inv(CELL)
    assert framework_displacement(scaled @ strained, strained, scaled @ CELL, CELL) == pytest.approx(0.0, abs=1e-9)


def test_random_displacements_give_their_root_mean_square():
    sites, noise = _sites(4000), np.random.default_rng(1).normal(0, 0.3, (4000, 3))
    # |δ|² has mean 3 × 0.3² = 0.27; the nearest image changes nothing at 0.3 Å in a cell of 9 Å
    assert framework_displacement(sites + noise, CELL, sites, CELL) == pytest.approx(np.sqrt(0.27), rel=0.02)


def test_only_the_framework_counts():
    reference = Atoms("LiPS2", positions=[[0, 0, 0], [2, 2, 2], [4, 4, 4], [6, 6, 2]], cell=CELL, pbc=True)
    frame = reference.copy()
    frame.positions[0] += 1.5
    assert framework_rmsd(frame, reference, ["P", "S"]) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(InputError, match="framework names Ge; expected species among Li, P, S"):
        framework_rmsd(frame, reference, ["Ge"])
    with pytest.raises(InputError, match="in the same order"):
        framework_rmsd(frame[[1, 0, 2, 3]], reference, ["P"])
