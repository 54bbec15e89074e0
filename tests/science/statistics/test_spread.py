import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.spread import force_spread


def test_two_members_differ_by_d_have_spread_d_over_root_two():
    # mean at d/2, deviations ±d/2: sum of squares d²/2, divided by M - 1 = 1.
    forces = np.zeros((2, 3, 3))
    forces[0, 1] = [0.0, 0.3, 0.4]
    spread = force_spread(forces)
    np.testing.assert_allclose(spread.per_atom, [0, 0.5 / np.sqrt(2), 0])
    np.testing.assert_allclose(spread.mean_forces, [[0, 0, 0], [0, 0.15, 0.2], [0, 0, 0]])
    assert spread.maximum == pytest.approx(0.5 / np.sqrt(2))
    assert spread.mean == pytest.approx(0.5 / np.sqrt(2) / 3)


def test_spread_is_that_of_gaussian_noise_whatever_the_number_of_members():
    rng = np.random.default_rng(0)
    for n_members in (2, 3, 8):
        per_atom = force_spread(rng.normal(0, 0.1, (n_members, 20000, 3))).per_atom
        assert np.sqrt((per_atom**2).mean()) == pytest.approx(np.sqrt(3) * 0.1, rel=0.02)


def test_spread_is_invariant_under_rotation_and_common_shift():
    rng = np.random.default_rng(1)
    forces = rng.normal(size=(4, 5, 3))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    np.testing.assert_allclose(
        force_spread(forces @ rotation + [1, 2, 3]).per_atom, force_spread(forces).per_atom, atol=1e-12
    )


@pytest.mark.parametrize("shape", [(1, 4, 3), (4, 3), (2, 4, 2), (2, 0, 3)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(InputError):
        force_spread(np.zeros(shape))
