import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.rdf import radial_distribution


def test_rock_salt_has_six_unlike_and_twelve_like_neighbours():
    # a = 5.13 Å: Li–Cl at a/2 = 2.565 Å (6), Li–Li at a/√2 = 3.627 Å (12); the primitive cell is smaller than that
    salt = bulk("LiCl", "rocksalt", a=5.13)
    unlike = radial_distribution([salt], "Li", "Cl", 4.0)
    like = radial_distribution([bulk("LiCl", "rocksalt", a=5.13, cubic=True)], "Li", "Li", 4.0)
    assert unlike.distance_A[unlike.g.argmax()] == pytest.approx(2.565, abs=0.04)
    assert like.distance_A[like.g.argmax()] == pytest.approx(3.627, abs=0.04)
    assert unlike.coordination[unlike.distance_A > 2.7][0] == pytest.approx(6)
    assert like.coordination[-1] == pytest.approx(12)


@pytest.mark.parametrize("pair", [("Li", "S"), ("S", "Li"), ("Li", "Li")])
def test_an_ideal_gas_has_no_structure(pair):
    rng = np.random.default_rng(0)
    frames = [
        Atoms("Li30S50", scaled_positions=rng.uniform(0, 1, (80, 3)), cell=[9, 10, 11], pbc=True) for _ in range(12)
    ]
    rdf = radial_distribution(frames, *pair, max_distance_A=7.0, n_shells=7)
    np.testing.assert_allclose(rdf.g[2:], 1.0, atol=0.12)


def test_absent_species_are_named():
    with pytest.raises(InputError, match="expected Li and Na in a periodic cell"):
        radial_distribution([bulk("LiCl", "rocksalt", a=5.13)], "Li", "Na")
    with pytest.raises(InputError, match="frames is empty"):
        radial_distribution([], "Li", "Cl")
