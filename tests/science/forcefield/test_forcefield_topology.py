import itertools
import re
from collections import defaultdict

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import read

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.topology import (
    charges_of_molecules,
    join,
    match,
    renumber,
    topology_from_bonds,
    topology_from_frame,
    topology_from_smiles,
)

TFSI = "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F"
PF6 = "F[P-](F)(F)(F)(F)F"
EC = "C1COC(=O)O1"
TERMS = ("bonds", "angles", "dihedrals", "impropers")


def _same(one, other):
    arrays = ("formal_charges", "molecules", *TERMS)
    return (
        one.elements == other.elements
        and one.names == other.names
        and all(np.array_equal(getattr(one, field), getattr(other, field)) for field in arrays)
    )


def _octahedron(bond_A=1.6):
    return Atoms("PF6", np.concatenate([np.zeros((1, 3)), bond_A * np.eye(3), -bond_A * np.eye(3)]))


# Angles n(n - 1)/2 a centre, dihedrals (n_j - 1)(n_k - 1) a bond, impropers 1 at three and 4 at four neighbours.
@pytest.mark.parametrize(
    ("smiles", "counts"),
    [
        ("O", (2, 1, 0, 0)),
        ("CC", (7, 2 * 6, 9, 2 * 4)),
        ("COCCOC", (15, 4 * 6 + 2 * 1, 4 * 3 * 1 + 9, 4 * 4)),
        (EC, (10, 2 * 6 + 3 + 2 * 1, 9 + 2 * 3 * 1 + 2 * 1 * 2, 2 * 4 + 1)),
        (TFSI, (14, 1 + 4 * 6, 2 * 1 * 3 + 2 * 9, 4 * 4)),
        (PF6, (6, 15, 0, 0)),
        ("[Li+]", (0, 0, 0, 0)),
        ("COCCOC.[Li+]", (15, 26, 21, 16)),
        ("C1CC1", (9, 3 * 6, 3 * (9 - 1), 3 * 4)),
    ],
)
def test_counts(smiles, counts):
    topology = topology_from_smiles(smiles)
    assert tuple(len(getattr(topology, field)) for field in TERMS) == counts


def test_octahedral_anion_has_twelve_right_and_three_straight_angles():
    atoms = _octahedron()
    topology = topology_from_frame(atoms, charge=-1)
    angles = np.round([atoms.get_angle(*row) for row in topology.angles])
    assert sorted(angles) == [90] * 12 + [180] * 3
    assert set(topology.angles[:, 1]) == {0}


@pytest.mark.parametrize("smiles", [EC, TFSI, "C1CC1C", "CC=O", "C1CCC1", "C[NH3+]", "OB(O)O"])
def test_rows_are_those_of_a_search_through_all_tuples(smiles):
    topology = topology_from_smiles(smiles)
    n_atoms = len(topology.elements)
    bonded = np.zeros((n_atoms, n_atoms), dtype=bool)
    bonded[tuple(topology.bonds.T)] = bonded[tuple(topology.bonds[:, ::-1].T)] = True
    triples = itertools.permutations(range(n_atoms), 3)
    assert topology.angles.tolist() == [[i, j, k] for i, j, k in triples if i < k and bonded[i, j] and bonded[j, k]]
    quadruples = list(itertools.permutations(range(n_atoms), 4))
    assert topology.dihedrals.tolist() == [
        [i, j, k, m] for i, j, k, m in quadruples if j < k and bonded[i, j] and bonded[j, k] and bonded[k, m]
    ]
    assert topology.impropers.tolist() == [
        [i, j, k, m] for i, j, k, m in quadruples if i < k < m and bonded[i, j] and bonded[k, j] and bonded[m, j]
    ]


def test_order_and_direction_of_bonds_do_not_matter():
    topology = topology_from_smiles(EC)
    rng = np.random.default_rng(1)
    bonds = rng.permuted(rng.permutation(np.concatenate([topology.bonds, topology.bonds[:4]])), axis=1)
    assert _same(topology_from_bonds(topology.elements, bonds, topology.formal_charges, topology.names), topology)


@pytest.mark.parametrize(
    ("smiles", "n_dihedrals"),
    [
        ("CC#N", 0),
        ("CC#CC", 0),
        ("C[N+]#[C-]", 0),
        ("CN=[N+]=[N-]", 3),  # about C–N; the middle nitrogen is linear
        ("CCC#N", 3 * 3),  # about CH3–CH2; the nitrile carbon is linear
        ("CN=NC", 2 * 3 + 1),  # bent
        ("CN=O", 3),  # bent
    ],
)
def test_no_dihedral_through_a_linear_centre(smiles, n_dihedrals):
    assert len(topology_from_smiles(smiles).dihedrals) == n_dihedrals


def test_smiles_keep_charges_and_names():
    topology = topology_from_smiles(f"COCCOC.{TFSI}.[Li+]")
    assert charges_of_molecules(topology).tolist() == [0, -1, 1]
    assert topology.names[0] == "COCCOC"
    assert topology.names[2] == "[Li+]"
    assert topology_from_smiles(TFSI, "TFSI").names == ("TFSI",)


@pytest.mark.parametrize(
    ("smiles", "sentence"),
    [
        ("CC(C)(C)(C)C", "valence for atom # 1 C, 5, is greater than permitted"),
        ("COC(", "'COC(' cannot be read"),
        ("", "'' cannot be read"),
        ("*CC", "elements has *; expected chemical symbols"),
    ],
)
def test_smiles_of_no_molecule_are_refused(smiles, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)) as raised:
        topology_from_smiles(smiles)
    assert "\n" not in str(raised.value)


def test_one_name_for_two_molecules_is_refused():
    with pytest.raises(InputError, match="name 'salt' is given for 2 molecules"):
        topology_from_smiles("[Li+].[Cl-]", "salt")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((["H", "Q"], [(0, 1)]), "elements has Q"),
        (([], []), "elements has none"),
        ((["H", "H"], [(0, 2)]), r"bond (0, 2) is none; expected two different atoms of 0 … 1"),
        ((["H", "H"], [(1, 1)]), "bond (1, 1) is none"),
        ((["H", "H"], [(0, 1)], [1]), "formal_charges is [1]; expected an integer for each of 2 atoms"),
        ((["H", "H"], [(0, 1)], [0.5, 0.5]), "formal_charges is [0.5, 0.5]"),
        ((["H", "H"], [], None, ["one"]), "names has 1 entries; expected one for each of 2 molecules"),
    ],
)
def test_bonds_of_no_graph_are_refused(arguments, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        topology_from_bonds(*arguments)


def test_metal_ions_are_taken_out_and_halides_stand_alone():
    water = molecule("H2O")
    frame = Atoms("NaCl", [[0, 0, 1.9], [0, 2.3, 2.6]]) + water
    topology = topology_from_frame(frame, charge=0)
    assert topology.names == ("Na", "Cl", "H2O")
    assert charges_of_molecules(topology).tolist() == [1, -1, 0]
    assert topology.bonds.tolist() == [[2, 3], [2, 4]]


def test_bonds_cross_periodic_faces():
    water = molecule("H2O", cell=[8.0, 9.0, 10.0], pbc=True)
    inside = topology_from_frame(water, charge=0)
    water.translate([-0.1, 0.3, 0.0])
    water.wrap()
    assert np.ptp(water.positions, axis=0).max() > 5
    assert _same(topology_from_frame(water, charge=0), inside)


def test_charges_close_shells():
    anion = _octahedron()
    salt = Atoms("Li", [[3.0, 3.0, 3.0]]) + anion
    assert charges_of_molecules(topology_from_frame(salt, charge=0)).tolist() == [1, -1]
    solvated = salt + Atoms(molecule("H2O").symbols, molecule("H2O").positions + 9)
    assert charges_of_molecules(topology_from_frame(solvated, charge=0)).tolist() == [1, -1, 0]
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 1.49 / 3**0.5
    sulfate = Atoms("SO4", np.concatenate([np.zeros((1, 3)), corners]))
    assert charges_of_molecules(topology_from_frame(sulfate, charge=-2)).tolist() == [-2]


@pytest.mark.parametrize(
    ("frame", "charge", "sentence"),
    [
        (_octahedron(), 0, "charge is 0, which leaves 0 for the 1 molecules of 1 F6P, 1 of them with an odd number"),
        (molecule("H2O"), 1, "charge is 1, which leaves 1 for the 1 molecules of 1 H2O, 0 of them"),
        (Atoms("Li"), 0, "charge is 0, which leaves -1 for the 0 molecules of 1 Li"),
        (molecule("H2O") + Atoms("O", [[0, 0, 6.0]]), 0, "atom 3 (O) of the frame stands alone"),
        (molecule("H2O") + Atoms("H", [[0, 0.76, -1.2]]), 0, "atom 1 (H) of the frame has 2 neighbours"),
        (Atoms("C2", [[0, 0, 0], [1.4, 0, 0]], cell=[2.6, 9, 9], pbc=True), 0, "cell of the frame is so small"),
    ],
)
def test_frames_of_no_molecules_are_refused(frame, charge, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        topology_from_frame(frame, charge)


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


def test_renumbering_there_and_back_changes_nothing():
    topology = topology_from_smiles(f"{EC}.{TFSI}.[Li+]")
    order = np.random.default_rng(4).permutation(len(topology.elements))
    assert _same(renumber(renumber(topology, order), np.argsort(order)), topology)
    with pytest.raises(InputError, match="no permutation of 26 atoms"):
        renumber(topology, np.zeros(26, dtype=int))


def test_joined_is_built_at_once():
    water, ion = topology_from_smiles("O"), topology_from_smiles("[Mg+2]")
    joined = join([water, ion], [3, 2])
    bonds = [[0, 1], [0, 2], [3, 4], [3, 5], [6, 7], [6, 8]]
    elements = ["O", "H", "H"] * 3 + ["Mg", "Mg"]
    assert _same(joined, topology_from_bonds(elements, bonds, [0] * 9 + [2, 2], ["O"] * 3 + ["[Mg+2]"] * 2))


@pytest.mark.parametrize("counts", [[0], [1, 1], [1.5], [-1]])
def test_joining_by_odd_counts_is_refused(counts):
    with pytest.raises(InputError, match="expected at least one, and a positive integer for each"):
        join([topology_from_smiles("O")], counts)


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
