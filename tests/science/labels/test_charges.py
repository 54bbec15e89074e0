import numpy as np
import pytest
from ase.build import molecule
from ase.data import vdw_radii
from scipy.spatial.distance import cdist

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.charges import fit_charges, surface_points
from aiida_elyte.units import BOHR_A


@pytest.mark.parametrize(
    ("name", "charges"), [("H2O", [-0.8, 0.4, 0.4]), ("LiF", [0.9, -0.9]), ("H2O", [-0.8, 0.9, 0.9])]
)
def test_fit_finds_the_charges_that_made_the_potential(name, charges):
    atoms = molecule(name)
    points = surface_points(atoms.numbers, atoms.positions) / BOHR_A
    positions = atoms.positions / BOHR_A
    potential = (np.array(charges) / cdist(points, positions)).sum(axis=1)
    found = fit_charges(potential, points, positions, total=sum(charges))
    np.testing.assert_allclose(found, charges, rtol=0, atol=1e-9)


def test_total_is_kept_whatever_the_potential():
    atoms = molecule("CH3OH")
    points = surface_points(atoms.numbers, atoms.positions) / BOHR_A
    potential = np.random.default_rng(0).normal(size=len(points))
    for restrained in (None, atoms.numbers > 1):
        found = fit_charges(potential, points, atoms.positions / BOHR_A, -1, restrained)
        assert found.sum() == pytest.approx(-1, abs=1e-10)


def test_restraint_pulls_toward_zero_where_its_gradient_says():
    """At the end the derivative of the whole objective is the same for every atom: the multiplier of the total."""
    atoms = molecule("CH3OH")
    points = surface_points(atoms.numbers, atoms.positions) / BOHR_A
    positions = atoms.positions / BOHR_A
    inverse = 1 / cdist(points, positions)
    potential = inverse @ np.array([0.2, -0.7, 0.4, 0.0, 0.05, 0.05]) + 0.01
    heavy = atoms.numbers > 1
    charges = fit_charges(potential, points, positions, 0, heavy)
    pull = 5e-4 * heavy * charges / np.sqrt(charges**2 + 0.1**2)
    gradient = 2 * inverse.T @ (inverse @ charges - potential) + pull
    np.testing.assert_allclose(gradient, gradient[0], rtol=0, atol=1e-6)
    free = fit_charges(potential, points, positions, 0)
    assert np.abs(charges[heavy]).sum() < np.abs(free[heavy]).sum()


def test_points_lie_outside_of_all_spheres_at_the_four_radii():
    atoms = molecule("CH3OH")
    points = surface_points(atoms.numbers, atoms.positions)
    nearest = (cdist(points, atoms.positions) / vdw_radii[atoms.numbers]).min(axis=1)
    assert set(np.round(nearest, 9)) == {1.4, 1.6, 1.8, 2.0}


def test_points_of_one_atom_are_as_dense_as_asked():
    points = surface_points(np.array([3]), np.zeros((1, 3)), density=2.0)
    area = 4 * np.pi * vdw_radii[3] ** 2 * (1.4**2 + 1.6**2 + 1.8**2 + 2.0**2)
    assert len(points) == pytest.approx(2 * area, abs=2)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=0.05)


def test_element_without_a_radius_is_refused():
    with pytest.raises(InputError, match="no van der Waals radius"):
        surface_points(np.array([np.flatnonzero(np.isnan(vdw_radii[1:]))[0] + 1]), np.zeros((1, 3)))
