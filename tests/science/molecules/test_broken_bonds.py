import numpy as np

from aiida_elyte.science.molecules.broken_bonds import find_broken_bond, find_broken_bonds
from aiida_elyte.science.molecules.molecule import embed_molecule
from aiida_elyte.science.molecules.topology import topology_from_smiles


def test_a_bond_is_broken_when_it_is_far_too_long():
    atoms, topology = embed_molecule("COC", seed=1)
    assert find_broken_bond(atoms.positions, topology) is None
    # C–H 1.09 Å, sum of covalent radii 0.76 + 0.31 = 1.07 Å: torn from 1.50 Å on.
    carbon, hydrogen = next(pair for pair in topology.bonds.tolist() if topology.elements[pair[1]] == "H")
    direction = atoms.positions[hydrogen] - atoms.positions[carbon]
    direction /= np.linalg.norm(direction)
    for length, is_broken in ((1.45, False), (1.55, True)):
        positions = atoms.positions.copy()
        positions[hydrogen] = positions[carbon] + length * direction
        found = find_broken_bond(positions, topology)
        assert (found is not None) is is_broken
    assert f"C{carbon}–H{hydrogen} is 1.55 Å" in found


def test_ions_have_no_bond_to_break():
    assert find_broken_bond(np.zeros((1, 3)), topology_from_smiles("[Li+]")) is None


def test_each_frame_is_judged_by_itself():
    atoms, topology = embed_molecule("COC", seed=1)
    frames = np.stack([atoms.positions] * 4)
    for frame in (1, 3):
        frames[frame, topology.bonds[0, 0]] += 10.0
    found = find_broken_bonds(frames, topology)
    assert list(found) == [1, 3]
    assert all(found[frame] == find_broken_bond(frames[frame], topology) for frame in found)
