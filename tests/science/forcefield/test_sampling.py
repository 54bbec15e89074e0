import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.sampling import cluster_commands, find_broken_bond
from aiida_elyte.science.forcefield.topology import topology_from_smiles
from aiida_elyte.science.seeds.molecules import embed_molecule


def test_the_wall_lets_no_atom_feel_it_at_the_start():
    positions = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [1.0, 3.0, 0.0]])
    text = cluster_commands(positions, temperature_K=400.0, n_steps=100, stride=10, seed=7, dump="d")
    words = next(line for line in text.splitlines() if line.startswith("region")).split()
    centre, radius = np.array(words[3:6], float), float(words[6])
    reach = float(next(line for line in text.splitlines() if "wall/region" in line).split()[-1])
    assert (np.linalg.norm(positions - centre, axis=1) < radius - reach).all()


def test_seeds_are_positive_whatever_is_given():
    for seed in (0, 2**31 - 2, 2**40):
        text = cluster_commands(np.zeros((2, 3)), temperature_K=400.0, n_steps=10, stride=5, seed=seed, dump="d")
        given = int(next(line for line in text.splitlines() if line.startswith("velocity")).split()[4])
        assert 0 < given < 2**31


def test_a_run_without_a_frame_is_refused():
    with pytest.raises(InputError, match="stride is 20 of 10 steps"):
        cluster_commands(np.zeros((2, 3)), temperature_K=400.0, n_steps=10, stride=20, seed=1, dump="d")
    with pytest.raises(InputError, match="temperature_K"):
        cluster_commands(np.zeros((2, 3)), temperature_K=-1.0, n_steps=10, stride=5, seed=1, dump="d")


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
