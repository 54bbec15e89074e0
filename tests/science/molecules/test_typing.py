import hashlib
from collections import Counter

import numpy as np
import pytest
from ase.io import read

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.matching import match
from aiida_elyte.science.molecules.perception import topology_from_frame
from aiida_elyte.science.molecules.topology import join, list_neighbours, renumber, topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types

TFSI = "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F"
EC = "C1COC(=O)O1"
MOLECULES = ["O", "COCCOC", EC, TFSI, "F[P-](F)(F)(F)(F)F", "CCOC(=O)OC", "C1CC1C", f"COCCOC.{TFSI}.[Li+]"]
TERMS = ("bonds", "angles", "dihedrals", "impropers")


def _peo(n_units):
    return topology_from_smiles("C" + "OCC" * n_units + "OC")


def _labels(types):
    return [types.labels[place] for place in types.atoms]


@pytest.mark.parametrize("smiles", MOLECULES)
def test_types_do_not_depend_on_the_order_of_atoms(smiles):
    topology = topology_from_smiles(smiles)
    types = assign_types(topology)
    rng = np.random.default_rng(5)
    for _ in range(5):
        order = rng.permutation(len(topology.elements))
        scrambled = assign_types(renumber(topology, order))
        assert _labels(scrambled) == [_labels(types)[atom] for atom in order]
        for field in TERMS:
            before, after = getattr(types, field), getattr(scrambled, field)
            assert after.keys == before.keys
            rows = [
                Counter(
                    (typed.keys[kind], _undirected(row, field)) for kind, row in zip(typed.types, rows, strict=True)
                )
                for typed, rows in ((before, before.rows.tolist()), (after, order[after.rows].tolist()))
            ]
            assert rows[0] == rows[1]


def _undirected(row, field):
    if field == "impropers":
        return row[1], tuple(sorted(row[:1] + row[2:]))
    return min(tuple(row), tuple(row[::-1]))


@pytest.mark.parametrize("smiles", MOLECULES)
def test_rows_read_along_their_keys_and_no_type_has_a_reverse(smiles):
    topology = topology_from_smiles(smiles)
    types = assign_types(topology)
    labels = np.array(types.labels)[types.atoms]
    for field in TERMS:
        typed, plain = getattr(types, field), getattr(topology, field)
        assert [tuple(row) for row in labels[typed.rows]] == [typed.keys[kind] for kind in typed.types]
        assert [_undirected(row, field) for row in typed.rows.tolist()] == [
            _undirected(row, field) for row in plain.tolist()
        ]
        assert list(typed.keys) == sorted(set(typed.keys))
        assert set(typed.types) == set(range(len(typed.keys)))
        for key in typed.keys:
            if field == "impropers":
                assert [key[0], *key[2:]] == sorted([key[0], *key[2:]])
            else:
                assert key <= key[::-1]


def test_chains_have_the_types_of_short_ones():
    short, medium, long = (assign_types(_peo(n_units)) for n_units in (2, 20, 200))
    assert short.labels == medium.labels == long.labels
    # CH3, the next O, the next CH2, O and CH2 further in, H of CH3, H of CH2
    assert Counter(label[:2] for label in long.labels) == {"c4": 3, "o2": 2, "h1": 2}
    for field in TERMS:
        assert getattr(medium, field).keys == getattr(long, field).keys
    middle = long.neighbourhoods[_labels(long)[300]]
    assert middle == "C4(C4(H1,H1,O2(C4)),H1,H1,O2(C4(C4,H1,H1)))"


def test_labels_are_the_same_in_every_session():
    types = assign_types(topology_from_smiles(TFSI))
    text = "N2(S4(C4(F1,F1,F1),O1,O1),S4(C4(F1,F1,F1),O1,O1)); anion"
    assert types.neighbourhoods["n2_f5399f6a"] == text
    assert hashlib.sha256(text.encode()).hexdigest().startswith("f5399f6a")
    assert tuple(types.neighbourhoods) == types.labels


def test_a_molecule_has_the_same_types_alone_and_among_others():
    ether, anion = topology_from_smiles("COCCOC"), topology_from_smiles(TFSI)
    both = assign_types(join([ether, anion], [2, 1]))
    assert _labels(both) == 2 * _labels(assign_types(ether)) + _labels(assign_types(anion))


def test_bond_orders_do_not_enter():
    resonance = "[O-]S(=O)(=NS(=O)(=O)C(F)(F)F)C(F)(F)F"
    one, other = (assign_types(topology_from_smiles(smiles)) for smiles in (TFSI, resonance))
    assert one.neighbourhoods == other.neighbourhoods
    assert Counter(label[:2] for label in one.labels) == {"c4": 1, "f1": 1, "n2": 1, "o1": 1, "s4": 1}


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4])
def test_types_are_the_classes_of_weisfeiler_and_leman(depth):
    # No rings and no charges, which are marks of their own.
    for smiles in ("CCOC(=O)OC", "COCCOCCO", "CC(C)(C)OCC(=O)N", "COP(=O)(OC)OCC(F)(F)F"):
        topology = topology_from_smiles(smiles)
        neighbours = list_neighbours(topology)
        colours = [(symbol, len(near)) for symbol, near in zip(topology.elements, neighbours, strict=True)]
        for _ in range(depth):
            colours = [
                (colour, tuple(sorted(colours[atom] for atom in near)))
                for colour, near in zip(colours, neighbours, strict=True)
            ]
        types = assign_types(topology, depth).atoms
        assert len(set(zip(colours, types, strict=True))) == len(set(colours)) == len(set(types))


@pytest.mark.parametrize(
    ("smiles", "depth", "ring"),
    [
        ("C1CC1", 3, 3),
        ("C1CC1", 2, 3),
        ("C1CCC1", 2, 4),
        ("C1CCCC1", 2, None),
        ("C1CCCC1", 3, 5),
        ("C1CCCCC1", 3, 6),
        ("C1CCCCCC1", 3, None),
        ("C1CC2CC12", 3, 3),
    ],
)
def test_rings_within_reach_are_told_from_chains(smiles, depth, ring):
    topology = topology_from_smiles(smiles)
    types = assign_types(topology, depth)
    texts = [types.neighbourhoods[label] for label in _labels(types)]
    assert texts[-1].startswith("H1")
    assert "ring" not in texts[-1]
    assert (f"; ring of {ring}" in texts[2]) if ring else ("ring" not in texts[2])


def test_the_smallest_ring_counts():
    # Spiro[2.4]heptane: the shared carbon is in rings of 3 and 5, the others in one of them.
    types = assign_types(topology_from_smiles("C1CC12CCCC2"))
    texts = [types.neighbourhoods[label] for label in _labels(types)]
    assert [text[-1] for text in texts[:7]] == list("3335555")


def test_charge_is_a_number_for_an_ion_and_a_sign_for_a_molecule():
    iron2, iron3 = (assign_types(topology_from_smiles(smiles)) for smiles in ("[Fe+2]", "[Fe+3]"))
    assert list(iron2.neighbourhoods.values()) == ["Fe0; charge +2"]
    assert list(iron3.neighbourhoods.values()) == ["Fe0; charge +3"]
    acid = "C" + "CC(C(=O)O)" * 3 + "C"
    short, long = ("C" + "CC(C(=O)[O-])" * n_units + "C" for n_units in (5, 15))
    acid, short, long = (assign_types(topology_from_smiles(smiles)) for smiles in (acid, short, long))
    assert short.labels == long.labels
    assert not set(acid.labels) & set(long.labels)


@pytest.mark.parametrize("depth", [-1, 2.5, True, None])
def test_odd_depths_are_refused(depth):
    with pytest.raises(InputError, match=f"depth is {depth}; expected an integer number of bonds"):
        assign_types(topology_from_smiles("O"), depth)


def test_real_frames_have_the_types_of_their_smiles(shared_data):
    frames = read(shared_data / "glyme_litfsi_clusters_dft.extxyz", ":")
    systems = {frame.info["system"]: frame for frame in frames}
    assert len(systems) == 5
    for frame in systems.values():
        known = topology_from_smiles(frame.info["smiles"])
        types = assign_types(renumber(known, match(known, frame)))
        perceived = assign_types(topology_from_frame(frame, int(frame.info["total_charge"])))
        assert _labels(types) == _labels(perceived)
        assert types.neighbourhoods == perceived.neighbourhoods
