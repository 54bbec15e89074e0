import re
from collections import defaultdict

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import read

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.matching import match
from aiida_elyte.science.molecules.perception import topology_from_frame
from aiida_elyte.science.molecules.topology import charges_of_molecules, renumber, topology_from_smiles
from tests.science.molecules.topologies import EC, PF6, TERMS, TFSI


def test_match_finds_scrambled_molecules():
    topology = topology_from_smiles(f"COCCOC.{TFSI}.{EC}.{TFSI}.[Li+].[Li+].{PF6}")
    frame = renumber(topology, np.random.default_rng(2).permutation(len(topology.elements)))
    found = renumber(topology, match(topology, frame))
    assert found.elements == frame.elements
    assert all(np.array_equal(getattr(found, field), getattr(frame, field)) for field in TERMS)
    assert sorted(charges_of_molecules(found)) == [-1, -1, -1, 0, 0, 1, 1]


def test_match_finds_a_long_chain_whatever_the_order_of_atoms():
    rng = np.random.default_rng(3)
    scrambled = [
        renumber(chain, rng.permutation(len(chain.elements)))
        for chain in (topology_from_smiles("C" + "OCC" * at + "OC(C)C" + "OCC" * (60 - at)) for at in (20, 20, 25))
    ]
    one, same, other = scrambled
    assert np.array_equal(renumber(one, match(one, same)).dihedrals, same.dihedrals)
    with pytest.raises(InputError, match="bonded otherwise"):
        match(one, other)


def test_match_tells_isomers_apart():
    ether = topology_from_smiles("COC")
    assert sorted(match(ether, molecule("CH3OCH3"))) == list(range(9))
    with pytest.raises(InputError, match="frame lacks 1 COC: its other atoms make 1 C2H6O, bonded otherwise"):
        match(ether, molecule("CH3CH2OH"))


def test_match_tells_what_a_frame_lacks_or_has_too_much():
    topology = topology_from_smiles("O.O.[Li+]")
    with pytest.raises(InputError, match=re.escape("H2O; expected H4LiO2 of 2 O + 1 [Li+] (-2 H, -1 Li, -1 O)")):
        match(topology, molecule("H2O"))
    broken = Atoms("LiH4O2", np.arange(7)[:, None] * [9.0, 0, 0])
    with pytest.raises(InputError, match="frame lacks 2 O: its other atoms make 4 H \\+ 2 O"):
        match(topology, broken)


def test_real_frames_of_one_system_have_one_graph_that_of_their_smiles(shared_data):
    frames = read(shared_data / "glyme_litfsi_clusters_dft.extxyz", ":")
    graphs = defaultdict(set)
    for frame in frames:
        smiles = frame.info["smiles"]
        topology = topology_from_frame(frame, int(frame.info["total_charge"]))
        known = topology_from_smiles(smiles)
        matched = renumber(known, match(known, frame))
        assert np.array_equal(matched.bonds, topology.bonds)
        assert np.array_equal(charges_of_molecules(matched), charges_of_molecules(topology))
        graphs[smiles].add(topology.bonds.tobytes())
    assert [len(graph) for graph in graphs.values()] == [1] * 5
