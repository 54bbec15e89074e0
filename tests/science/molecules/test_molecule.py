import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.molecule import embed_conformers, embed_molecule, read_molecule


def measure_angles(atoms, rows):
    a, b, c = (atoms.positions[column] for column in rows.T)
    u, v = a - b, c - b
    return np.degrees(np.arccos((u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)))


def test_small_molecules_and_an_octahedron():
    for smiles, formula in (("C1COC(=O)O1", "C3H4O3"), ("COC(=O)OC", "C3H6O3"), ("[Li+]", "Li")):
        atoms, topology = embed_molecule(smiles)
        assert atoms.get_chemical_formula() == formula
        assert tuple(atoms.get_chemical_symbols()) == topology.elements
    atoms, topology = embed_molecule("F[P-](F)(F)(F)(F)F")
    angles = np.sort(measure_angles(atoms, topology.angles))
    np.testing.assert_allclose(angles, [90] * 12 + [180] * 3, atol=6)


def test_conformers_differ_and_follow_the_seed():
    molecule = read_molecule("COCCOCCOC")
    first, again, other = (embed_conformers(molecule, 3, seed, "triglyme") for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first[0], first[1])
    assert first.shape == (3, molecule.GetNumAtoms(), 3)


def test_several_molecules_are_refused():
    with pytest.raises(InputError, match="has 2 molecules; expected one"):
        embed_molecule("O.O")
