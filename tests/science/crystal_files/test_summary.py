import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.science.crystal_files.record import CrystalFile
from aiida_elyte.science.crystal_files.summary import crystal_lines, describe_crystal


def test_rock_salt():
    atoms = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    found = describe_crystal(CrystalFile(atoms, np.ones(8), named="F m -3 m", group="F m -3 m"))
    assert (found["formula"], found["reduced_formula"], found["z"], found["n_atoms"]) == ("Li4Cl4", "LiCl", 4, 8)
    assert found["space_group"] == {"named": "F m -3 m", "read_under": "F m -3 m", "found": "Fm-3m", "number": 225}
    assert found["volume_A3"] == pytest.approx(5.13**3, abs=1e-3)
    assert found["density_g_cm3"] == pytest.approx(2.086, abs=1e-3)
    assert found["closest_contact"]["distance_A"] == pytest.approx(5.13 / 2, abs=1e-4)
    lines = crystal_lines(found)
    assert lines[0] == "formula   Li4Cl4 = 4 LiCl"
    assert lines[3] == "group     Fm-3m (225); the file names F m -3 m"


def test_partial_occupancies_count_as_they_are_filled():
    atoms = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    filled = np.where(atoms.numbers == 3, 0.5, 1.0)
    found = describe_crystal(CrystalFile(atoms, filled, partial=("Li1 (Li 0.5)",)))
    assert (found["formula"], found["n_atoms"]) == ("Li2Cl4", 6)
    assert found["closest_contact"] is None
    assert "partial   Li1 (Li 0.5)" in crystal_lines(found)
