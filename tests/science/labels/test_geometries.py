import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.geometries import Heat, Relaxation, displace, relax
from aiida_elyte.units import BOLTZMANN_EV_K

K_EV_A2 = 2.0


class Springs(Calculator):
    """Every atom on a spring of its own at the origin of its place."""

    implemented_properties = ["energy", "forces"]

    def __init__(self, places):
        super().__init__()
        self.places = places

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        away = atoms.positions - self.places
        self.results = {"energy": 0.5 * K_EV_A2 * np.sum(away**2), "forces": -K_EV_A2 * away}


def stretched(n_atoms=2, away=0.3):
    places = 3.0 * np.arange(n_atoms)[:, None] * np.ones(3)
    atoms = Atoms("C" * n_atoms, places + away * np.eye(3)[np.arange(n_atoms) % 3])
    atoms.calc = Springs(places)
    return atoms


@pytest.mark.parametrize("optimizer", ["bfgs", "lbfgs", "fire"])
def test_relaxation_ends_at_the_minimum(optimizer):
    atoms, steps = stretched(), []
    found = relax(atoms, Relaxation(optimizer, fmax_eV_A=0.001), on_step=steps.append)
    assert found.is_converged
    assert found.force_eV_A < 0.001
    assert steps == list(range(found.n_steps + 1))
    np.testing.assert_allclose(atoms.positions, atoms.calc.places, atol=0.001 / K_EV_A2)


def test_relaxation_out_of_steps_says_how_far_it_is():
    atoms = stretched()
    found = relax(atoms, Relaxation("fire", fmax_eV_A=1e-6, max_steps=3))
    assert not found.is_converged
    assert found.n_steps == 3
    assert found.force_eV_A == pytest.approx(np.linalg.norm(atoms.get_forces(), axis=1).max())


def test_continued_relaxation_counts_the_steps_before():
    atoms = stretched()
    settings = Relaxation("fire", fmax_eV_A=1e-6, max_steps=10)
    assert relax(atoms, settings, first_step=7).n_steps == 10
    assert relax(atoms, settings, first_step=10).n_steps == 10


def test_heated_oscillators_have_their_share_of_energy():
    """Equipartition: k⟨x²⟩ = k_B T for each of 3N coordinates (all free, as the springs hold each atom)."""
    atoms = stretched(60, away=0.0)
    heat = Heat(count=40, temperature_K=500.0, stride_fs=60.0, timestep_fs=1.0, friction_per_ps=50.0)
    away = np.array([positions - atoms.calc.places for positions in displace(atoms, heat, np.random.default_rng(0))])
    assert away.shape == (40, 60, 3)
    mean_square = np.square(away[5:]).mean()
    assert K_EV_A2 * mean_square == pytest.approx(BOLTZMANN_EV_K * 500.0, rel=0.08)


def test_same_seed_draws_the_same_geometries():
    heat = Heat(count=2, stride_fs=5.0)
    first, again, other = (list(displace(stretched(), heat, np.random.default_rng(seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(np.subtract(first, other)).max() > 1e-3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Relaxation(optimizer="newton"), "optimizer is 'newton'"),
        (lambda: Relaxation(fmax_eV_A=0), "fmax_eV_A is 0"),
        (lambda: Relaxation(unconverged="drop"), "unconverged is 'drop'"),
        (lambda: Heat(count=0), "count is 0; expected a whole number, 1 or more"),
        (lambda: Heat(count=1.5), r"count is 1\.5; expected a whole number"),
        (lambda: Heat(temperature_K=-1.0), r"temperature_K is -1\.0"),
        (lambda: Heat(stride_fs=0.1), r"stride_fs is 0\.1"),
    ],
)
def test_unusable_settings_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()
