import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import shortest_path

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.chains import grow_chain
from aiida_elyte.science.molecules.crowd import contact_radii
from aiida_elyte.science.molecules.polymer import make_polymer
from aiida_elyte.science.molecules.typing import assign_types


def rng(seed=0):
    return np.random.default_rng(seed)


def bonds_apart(topology):
    n_atoms, (i, j) = len(topology.elements), topology.bonds.T
    graph = coo_matrix((np.ones(len(i)), (i, j)), shape=(n_atoms, n_atoms))
    return shortest_path(graph, directed=False, unweighted=True)


def measure(atoms, rows):
    """Return bond lengths for pairs, angles in degrees for triples."""
    a, b, *c = (atoms.positions[column] for column in rows.T)
    if not c:
        return np.linalg.norm(a - b, axis=1)
    u, v = a - b, c[0] - b
    return np.degrees(np.arccos((u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)))


@pytest.mark.parametrize("unit", ["*CCO*", "*CC(C)*", "*CCOC(=O)O*", "*Oc1ccc(cc1)C(C)(C)c1ccc(cc1)OC(=O)*"])
def test_lengths_and_angles_of_a_chain_are_those_of_a_molecule(unit):
    polymer = make_polymer(unit, 5)
    chain = grow_chain(polymer, rng())
    assert chain.get_chemical_symbols() == list(polymer.topology.elements)
    short = make_polymer(unit, 3)
    smiles_like = grow_chain(short, rng())
    for kind, tolerance in (("bonds", 0.04), ("angles", 12.0)):
        rows, known = getattr(polymer.topology, kind), getattr(short.topology, kind)
        typed, reference = (getattr(assign_types(one.topology, depth=1), kind) for one in (polymer, short))
        values, expected = measure(chain, typed.rows), measure(smiles_like, reference.rows)
        assert len(rows) == len(values)
        assert len(known) == len(expected)
        for place, key in enumerate(reference.keys):
            here, there = values[typed.types == typed.keys.index(key)], expected[reference.types == place]
            assert here.min() > there.min() - tolerance
            assert here.max() < there.max() + tolerance
    lengths = measure(chain, polymer.topology.bonds)
    assert lengths.min() > 0.95
    assert lengths.max() < 1.6


@pytest.mark.parametrize("unit", ["*CCO*", "*CC(C)*", "*CC(COB1OCCO1)O*"])
def test_atoms_keep_the_distance_asked_for(unit):
    polymer = make_polymer(unit, 20)
    chain = grow_chain(polymer, rng(3))
    radii, apart = contact_radii(polymer.topology.elements), bonds_apart(polymer.topology)
    parts = chain.get_all_distances() / (radii[:, None] + radii)
    assert parts[apart > 6].min() >= 1
    # Side groups are rigid: what the template has within them stays.
    skeleton = np.ix_(polymer.backbone, polymer.backbone)
    assert parts[skeleton][apart[skeleton] > 3].min() >= 0.7


def test_an_ideal_chain_has_the_characteristic_ratio_of_its_states():
    # ⟨r²⟩ of independent torsions: Σ over pairs of bonds of l_i · ⟨T_i … T_{j−1}⟩ · l_j, with T averaged per bond.
    def simulate(n_units):
        polymer = make_polymer("*CCO*", n_units, head="*C")
        ends, squares = [], []
        for seed in range(120):
            path = grow_chain(polymer, rng(seed), contact_factor=0).positions[polymer.backbone]
            ends.append(((path[-1] - path[0]) ** 2).sum())
            squares.append((np.diff(path, axis=0) ** 2).sum())
        return np.mean(ends), np.mean(squares), polymer

    short, _, _ = simulate(15)
    long, bonds, polymer = simulate(45)
    angle = np.pi - np.nanmean(polymer.angles)
    noise = np.exp(-(np.radians(5.0) ** 2) / 2)
    cosine = noise * (0.6 * 1 + 0.4 * np.cos(np.radians(180 - 62)))  # torsions counted from trans
    expected = (1 + np.cos(angle)) / (1 - np.cos(angle)) * (1 + cosine) / (1 - cosine)
    ratio = long / bonds
    assert 3 < ratio < 8
    # The mean square of 120 chains has a relative error near sqrt(2/3)/sqrt(120) = 7.5 %; finite chains lie 4 % below.
    assert ratio == pytest.approx(expected, rel=0.25)
    assert long / short == pytest.approx(3.0, rel=0.35)


@pytest.mark.parametrize("unit", ["*CC(C)*", "*C[C@H](C)O*", "*C(C)C(=O)O*"])
@pytest.mark.parametrize("tacticity", ["isotactic", "syndiotactic", "atactic"])
def test_stereocentres_follow_the_tacticity(unit, tacticity):
    polymer = make_polymer(unit, 12, tacticity=tacticity)
    positions = grow_chain(polymer, rng(5)).positions
    carbons = {atom for atom, symbol in enumerate(polymer.topology.elements) if symbol == "C"}
    hands = []
    for step in range(1, len(polymer.backbone) - 1):
        members = [atom for atom in polymer.side_groups[step].tolist() if atom in carbons]
        if members:
            before, here, after = positions[polymer.backbone[step - 1 : step + 2]]
            hands.append(np.sign(np.cross(before - here, after - here) @ (positions[members[0]] - here)))
    assert len(hands) == 12
    turns = np.array(hands[1:]) * hands[:-1]
    if tacticity == "atactic":
        assert set(turns) == {-1.0, 1.0}
    else:
        assert set(turns) == {1.0 if tacticity == "isotactic" else -1.0}


def test_same_seed_same_chain():
    polymer = make_polymer("*CCO*", 20)
    np.testing.assert_array_equal(grow_chain(polymer, rng(4)).positions, grow_chain(polymer, rng(4)).positions)
    assert not np.allclose(grow_chain(polymer, rng(4)).positions, grow_chain(polymer, rng(5)).positions)


@pytest.mark.parametrize("n_units", [1, 2, 4])
@pytest.mark.parametrize("unit", ["*C*", "*CCO*"])
def test_short_chains_and_units_of_one_atom(unit, n_units):
    polymer = make_polymer(unit, n_units)
    chain = grow_chain(polymer, rng())
    assert len(chain) == n_units * (3 if unit == "*C*" else 7) + 5
    assert measure(chain, polymer.topology.bonds).max() < 1.6


def test_bad_torsions_are_refused():
    with pytest.raises(InputError, match="expected angles in degrees and their weights"):
        grow_chain(make_polymer("*CCO*", 3), rng(), torsions={180.0: -1.0})
