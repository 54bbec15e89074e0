import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.science.structure.lindemann import Framework

CRYSTAL = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
"""Four Na and four Cl; like neighbours are 5.6/√2 = 3.96 Å apart."""


def moved(framework, atoms):
    return framework.moved(atoms.positions, atoms.cell.array)


def test_spacing_is_that_of_like_atoms_through_the_boundary():
    assert Framework(CRYSTAL, ("Na", "Cl")).spacing_A == pytest.approx({"Na": 5.6 / 2**0.5, "Cl": 5.6 / 2**0.5})
    primitive = bulk("NaCl", "rocksalt", a=5.6)  # one Cl: its neighbours are its own images
    assert Framework(primitive, ("Cl",)).spacing_A == pytest.approx({"Cl": 5.6 / 2**0.5})


def test_a_crystal_at_rest_and_one_that_drifts_and_breathes_has_not_moved():
    other = CRYSTAL.copy()
    other.set_cell(1.05 * CRYSTAL.cell, scale_atoms=True)
    other.positions += [1.0, 20.0, -3.0]
    found = moved(Framework(CRYSTAL, ("Cl",)), other)
    assert (found.rmsd_A, found.lindemann) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_the_ratio_is_that_of_the_species_that_has_moved_least():
    other = CRYSTAL.copy()
    sodium, chlorine = (other.symbols == name for name in ("Na", "Cl"))
    other.positions[sodium, 0] += [1.2, -1.2, 1.2, -1.2]
    other.positions[chlorine, 1] += [0.4, -0.4, 0.4, -0.4]
    found = moved(Framework(CRYSTAL, ("Na", "Cl")), other)
    assert found.rmsd_A == pytest.approx(np.sqrt((1.2**2 + 0.4**2) / 2))
    assert found.lindemann == pytest.approx(0.4 / (5.6 / 2**0.5))
    assert moved(Framework(CRYSTAL, ("Na",)), other).lindemann == pytest.approx(1.2 / (5.6 / 2**0.5))
