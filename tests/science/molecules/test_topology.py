import itertools
import re

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.topology import (
    charges_of_molecules,
    join,
    renumber,
    topology_from_bonds,
    topology_from_smiles,
)
from tests.science.molecules.topologies import EC, PF6, TERMS, TFSI, is_same


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
    assert is_same(topology_from_bonds(topology.elements, bonds, topology.formal_charges, topology.names), topology)


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
        ((["H", "H"], [(0, 2)]), r"bond (0, 2) is invalid; expected two different atoms of 0 … 1"),
        ((["H", "H"], [(1, 1)]), "bond (1, 1) is invalid"),
        ((["H", "H"], [(0, 1)], [1]), "formal_charges is [1]; expected an integer for each of 2 atoms"),
        ((["H", "H"], [(0, 1)], [0.5, 0.5]), "formal_charges is [0.5, 0.5]"),
        ((["H", "H"], [], None, ["one"]), "names has 1 entries; expected one for each of 2 molecules"),
    ],
)
def test_bonds_of_no_graph_are_refused(arguments, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        topology_from_bonds(*arguments)


def test_renumbering_there_and_back_changes_nothing():
    topology = topology_from_smiles(f"{EC}.{TFSI}.[Li+]")
    order = np.random.default_rng(4).permutation(len(topology.elements))
    assert is_same(renumber(renumber(topology, order), np.argsort(order)), topology)
    with pytest.raises(InputError, match="is not a permutation of 26 atoms"):
        renumber(topology, np.zeros(26, dtype=int))


def test_joined_is_built_at_once():
    water, ion = topology_from_smiles("O"), topology_from_smiles("[Mg+2]")
    joined = join([water, ion], [3, 2])
    bonds = [[0, 1], [0, 2], [3, 4], [3, 5], [6, 7], [6, 8]]
    elements = ["O", "H", "H"] * 3 + ["Mg", "Mg"]
    assert is_same(joined, topology_from_bonds(elements, bonds, [0] * 9 + [2, 2], ["O"] * 3 + ["[Mg+2]"] * 2))


@pytest.mark.parametrize("counts", [[0], [1, 1], [1.5], [-1]])
def test_joining_by_odd_counts_is_refused(counts):
    with pytest.raises(InputError, match="expected at least one, and a positive integer for each"):
        join([topology_from_smiles("O")], counts)
