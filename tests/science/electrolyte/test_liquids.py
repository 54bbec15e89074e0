import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte import liquids
from aiida_elyte.science.electrolyte.liquids import TOLERANCE_A, pack_liquid, packmol_input
from aiida_elyte.units import G_CM3

PF6 = "F[P-](F)(F)(F)(F)F"
ELECTROLYTE = {"C1COC(=O)O1": 20, "COC(=O)OC": 20, "[Li+]": 3, PF6: 3}


@pytest.mark.engine("packmol")
def test_an_electrolyte_packs_with_octahedra():
    box = pack_liquid(ELECTROLYTE, 0.8, 0)
    assert len(box.positions) == 20 * 10 + 20 * 12 + 3 + 3 * 7 == len(box.topology.elements)
    mass = Atoms(box.topology.elements).get_masses().sum()
    assert mass * G_CM3 / np.linalg.det(box.cell) == pytest.approx(0.8, rel=1e-12)
    molecules = box.topology.molecules
    distances = get_distances(box.positions, cell=box.cell, pbc=True)[1]
    assert distances[molecules[:, None] != molecules].min() > TOLERANCE_A - 0.02
    i, j = box.topology.bonds.T
    assert np.linalg.norm(box.positions[i] - box.positions[j], axis=1).max() < 2.0
    a, centre, b = (box.positions[column] for column in box.topology.angles.T)
    u, v = a - centre, b - centre
    angles = np.degrees(np.arccos((u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)))
    is_phosphorus = np.array(box.topology.elements)[box.topology.angles[:, 1]] == "P"
    found = np.sort(angles[is_phosphorus].reshape(3, 15), axis=1)
    np.testing.assert_allclose(found, [[90] * 12 + [180] * 3] * 3, atol=6)


@pytest.mark.engine("packmol")
def test_same_seed_same_box():
    first, again, other = (pack_liquid({"O": 30}, 0.7, seed).positions for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.engine("packmol")
def test_a_box_that_is_too_dense_is_refused(monkeypatch):
    monkeypatch.setattr(liquids, "_SECONDS", 1)
    with pytest.raises(InputError, match="packmol finds no packing in 1 s"):
        pack_liquid({"O": 200}, 9.0, 0)


def test_the_input_names_each_kind():
    text = packmol_input([5, 2], 20.0, 7)
    assert text.count("structure 0.xyz") == text.count("structure 1.xyz") == 1
    assert "pbc 20.000000 20.000000 20.000000" in text
    assert [line.split()[1] for line in text.splitlines() if "number" in line] == ["5", "2"]


def test_packmol_that_is_missing_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(liquids.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(InputError, match=r"packmol is not installed.*pip install"):
        pack_liquid({"O": 10}, 0.5, 0)
