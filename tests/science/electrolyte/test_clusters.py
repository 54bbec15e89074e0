from dataclasses import replace

import numpy as np
import pytest
from ase.data import vdw_radii
from scipy.stats import kstest

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.clusters import ClusterRecipe, Ingredient, make_clusters
from aiida_elyte.science.frames import block_of, read_frames, write_frames
from aiida_elyte.science.molecules.matching import match
from aiida_elyte.science.molecules.perception import topology_from_frame
from aiida_elyte.science.molecules.topology import charges_of_molecules

LITHIUM = Ingredient("Li", "[Li+]", 1)
TFSI = Ingredient("TFSI", "[N-](S(=O)(=O)C(F)(F)F)S(=O)(=O)C(F)(F)F", 1, ("O=S",), (1.8, 2.3))
PF6 = Ingredient("PF6", "F[P-](F)(F)(F)(F)F", 1, ("F",), (1.8, 2.2))
CHLORIDE = Ingredient("Cl", "[Cl-]", 1, ("[Cl-]",), (2.2, 2.6))
WATER = Ingredient("water", "O", 1, ("O",), (1.9, 2.2))
DME = Ingredient("DME", "COCCOC", 3, ("[OX2]",), (1.8, 2.4))
TETRAGLYME = Ingredient("G4", "COCCOCCOCCOCCOC", 2, ("[OX2]",), (1.8, 2.4))

RECIPES = {
    "complex": ClusterRecipe("complex", (LITHIUM, DME)),
    "complex of chains": ClusterRecipe("complex", (LITHIUM, TETRAGLYME)),
    "contact": ClusterRecipe("contact", (LITHIUM, TFSI, DME)),
    "contact, cation last": ClusterRecipe("contact", (replace(DME, count=2), PF6, LITHIUM)),
    "separated": ClusterRecipe("separated", (LITHIUM, TFSI, DME)),
    "separated chains": ClusterRecipe("separated", (LITHIUM, PF6, TETRAGLYME), separation_A=(5.0, 6.0)),
    "negative triple": ClusterRecipe("aggregate", (LITHIUM, replace(TFSI, count=2))),
    "positive triple": ClusterRecipe("aggregate", (replace(LITHIUM, count=2), TFSI, replace(DME, count=2))),
    "mixed aggregate": ClusterRecipe("aggregate", (replace(LITHIUM, count=3), TFSI, PF6, CHLORIDE, TETRAGLYME)),
}
"""Of every kind, positive, neutral and negative, with one anion and several."""

SITES = {"TFSI": "O", "PF6": "F", "Cl": "Cl", "DME": "O", "G4": "O"}
RANGES = {one.name: one.range_A for one in (TFSI, PF6, CHLORIDE, DME, TETRAGLYME)}
ROUNDING = 1e-7


@pytest.fixture(params=RECIPES, scope="module")
def made(request):
    """A recipe, its clusters of several seeds and their topology."""
    recipe = RECIPES[request.param]
    clusters = []
    for seed in range(4):
        some, topology = make_clusters(replace(recipe, seed=seed), 4)
        clusters += some
    return recipe, clusters, topology


def find_contacts(cluster, topology):
    """Return ``{(cation, molecule)}`` whose distance of cation and nearest site is in the range, in plain loops."""
    contacts = set()
    for i in np.flatnonzero(cluster.numbers == 3):
        for molecule, name in enumerate(topology.names):
            if name == "Li":
                continue
            sites = [j for j in np.flatnonzero(topology.molecules == molecule) if cluster[j].symbol == SITES[name]]
            nearest = min(np.linalg.norm(cluster.positions[i] - cluster.positions[j]) for j in sites)
            least, most = RANGES[name]
            if least - ROUNDING <= nearest <= most + ROUNDING:
                contacts.add((int(topology.molecules[i]), molecule))
    return contacts


def are_connected(nodes, pairs):
    reached = {min(nodes)}
    for _ in nodes:
        reached |= {b for pair in pairs for b in pair if reached & set(pair)}
    return reached == set(nodes)


def test_kinds_are_what_they_say(made):
    recipe, clusters, topology = made
    charges = charges_of_molecules(topology)
    solvent, anions = set(np.flatnonzero(charges == 0).tolist()), set(np.flatnonzero(charges < 0).tolist())
    for cluster in clusters:
        contacts = find_contacts(cluster, topology)
        touched = {molecule for _, molecule in contacts}
        assert touched >= solvent
        if recipe.kind == "contact":
            assert touched == solvent | anions
        elif recipe.kind == "separated":
            assert touched == solvent
            (cation,) = cluster.positions[cluster.numbers == 3]
            (anion,) = anions
            nearest = np.linalg.norm(cluster.positions[topology.molecules == anion] - cation, axis=1).min()
            assert recipe.separation_A[0] - ROUNDING <= nearest <= recipe.separation_A[1] + ROUNDING
        elif recipe.kind == "aggregate":
            of_ions = {pair for pair in contacts if pair[1] in anions}
            ions = np.flatnonzero(charges).tolist()
            assert are_connected(ions, of_ions)
            assert max(sum(ion in pair for pair in of_ions) for ion in ions) >= 2


def test_no_atoms_collide(made):
    recipe, clusters, topology = made
    coordinating = {"Li": ()} | {name: (SITES[name],) for name in SITES}
    for cluster in clusters:
        radii = vdw_radii[cluster.numbers]
        for i in range(len(cluster)):
            for j in np.flatnonzero(topology.molecules > topology.molecules[i]):
                first, second = sorted((i, j), key=lambda atom: cluster[atom].symbol != "Li")
                name = topology.names[topology.molecules[second]]
                least = recipe.min_distance_factor * (radii[i] + radii[j])
                if cluster[first].symbol == "Li" and recipe.kind == "separated" and name in ("TFSI", "PF6"):
                    least = recipe.separation_A[0]
                elif cluster[first].symbol == "Li" and cluster[second].symbol in coordinating[name]:
                    least = RANGES[name][0]
                assert cluster.get_distance(i, j) >= least - ROUNDING


def test_composition_and_charge_are_as_stated(made):
    recipe, clusters, topology = made
    names = [one.name for one in recipe.ingredients for _ in range(one.count)]
    assert list(topology.names) == names
    charge = names.count("Li") - sum(names.count(anion) for anion in ("TFSI", "PF6", "Cl"))
    for cluster in clusters:
        assert cluster.info["stoichiometry"] == " + ".join(f"{one.count} {one.name}" for one in recipe.ingredients)
        assert cluster.info["kind"] == recipe.kind
        assert cluster.info["charge"] == topology.formal_charges.sum() == charge
        assert tuple(cluster.get_chemical_symbols()) == topology.elements
        assert not cluster.pbc.any()


def test_perceived_topology_is_the_one_returned(made):
    _, clusters, topology = made
    for cluster in clusters:
        perceived = topology_from_frame(cluster, cluster.info["charge"])
        for field in ("molecules", "bonds", "angles", "dihedrals", "impropers"):
            np.testing.assert_array_equal(getattr(perceived, field), getattr(topology, field))
        np.testing.assert_array_equal(charges_of_molecules(perceived), charges_of_molecules(topology))
        order = match(topology, cluster)
        assert [topology.elements[atom] for atom in order] == cluster.get_chemical_symbols()


def test_same_seed_same_clusters_whatever_the_count():
    three, topology = make_clusters(RECIPES["contact"], 3)
    five, same = make_clusters(RECIPES["contact"], 5)
    assert three == five[:3]
    np.testing.assert_array_equal(topology.bonds, same.bonds)


def test_clusters_and_seeds_differ():
    clusters = make_clusters(RECIPES["contact"], 3)[0] + make_clusters(replace(RECIPES["contact"], seed=1), 3)[0]
    for number, one in enumerate(clusters):
        for other in clusters[:number]:
            # Distances, so that a mere rotation does not count as another cluster.
            assert np.abs(one.get_all_distances() - other.get_all_distances()).max() > 0.5
    assert len({block_of(cluster) for cluster in clusters}) == 6
    assert clusters[2].info["origin"] == "seed-contact-1Li-1TFSI-3DME-s0-002#0"
    assert clusters[3].info["origin"] == "seed-contact-1Li-1TFSI-3DME-s1-000#0"


def test_distances_and_directions_are_uniform():
    # The chloride is put before the water, next to a lone cation: nothing is rejected.
    clusters, _ = make_clusters(ClusterRecipe("contact", (LITHIUM, CHLORIDE, WATER)), 300)
    vectors = np.array([cluster.positions[1] for cluster in clusters])
    lengths = np.linalg.norm(vectors, axis=1)
    assert kstest(lengths, "uniform", args=(2.2, 0.4)).pvalue > 0.01
    for component in (vectors / lengths[:, None]).T:
        assert kstest(component, "uniform", args=(-1, 2)).pvalue > 0.01  # Archimedes


def test_molecules_turn_uniformly():
    # Of water far off nothing is rejected: its O–H bond points anywhere, and its angle stays.
    far = replace(WATER, range_A=(8.0, 9.0))
    clusters, _ = make_clusters(ClusterRecipe("complex", (LITHIUM, far), n_conformers=1), 300)
    bonds = np.array([cluster.positions[2] - cluster.positions[1] for cluster in clusters])
    others = np.array([cluster.positions[3] - cluster.positions[1] for cluster in clusters])
    bonds, others = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (bonds, others))
    for component in bonds.T:
        assert kstest(component, "uniform", args=(-1, 2)).pvalue > 0.01
    angles = np.degrees(np.arccos((bonds * others).sum(axis=1)))
    np.testing.assert_allclose(angles, angles[0], atol=1e-5)
    assert angles[0] == pytest.approx(104.5, abs=10)


def test_hexafluorophosphate_is_octahedral():
    clusters, _ = make_clusters(ClusterRecipe("aggregate", (LITHIUM, replace(PF6, count=2))), 5)
    for cluster in clusters:
        for first in (1, 8):
            arms = cluster.positions[[first, *range(first + 2, first + 7)]] - cluster.positions[first + 1]
            arms /= np.linalg.norm(arms, axis=1, keepdims=True)
            angles = np.sort(np.degrees(np.arccos(np.clip(arms @ arms.T, -1, 1)))[np.triu_indices(6, 1)])
            np.testing.assert_allclose(angles, [90] * 12 + [180] * 3, atol=8)


def test_conformers_of_a_chain_vary_with_number_and_seed():
    recipe = replace(RECIPES["complex of chains"], n_conformers=5)
    lengths = [
        {round(cluster.get_distance(1, 15), 4) for cluster in make_clusters(replace(recipe, seed=seed), 30)[0]}
        for seed in (0, 1, 2)
    ]
    assert all(3 <= len(some) <= 5 for some in lengths)
    assert len(set.union(*lengths)) == sum(map(len, lengths))


def test_clusters_survive_the_file_exactly(tmp_path):
    clusters, _ = make_clusters(RECIPES["separated"], 2)
    write_frames(clusters, tmp_path / "clusters.extxyz")
    for cluster, back in zip(clusters, read_frames(tmp_path / "clusters.extxyz"), strict=True):
        assert back.info == cluster.info
        np.testing.assert_array_equal(back.positions, cluster.positions)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (ClusterRecipe("contakt", (LITHIUM, TFSI, DME)), "kind is 'contakt'; expected complex, .*did you mean contact"),
        (
            ClusterRecipe("complex", (LITHIUM, replace(DME, sites=("[Cl]",)))),
            "DME .* has no coordinating atom of sites",
        ),
        (ClusterRecipe("complex", (LITHIUM, replace(DME, sites=()))), "DME .* has no coordinating atom of sites"),
        (ClusterRecipe("complex", (LITHIUM, replace(DME, sites="OC"))), "sites of DME is 'OC'; expected a list"),
        (ClusterRecipe("complex", (LITHIUM, replace(DME, sites=("[O",)))), r"site '\[O' of DME cannot be read"),
        (
            ClusterRecipe("complex", (LITHIUM, replace(DME, count=12))),
            r"no room for molecule \d+ of 13 \(DME\).*use fewer",
        ),
        (
            ClusterRecipe("complex", (DME,)),
            "0 cations, 0 anions and 3 solvent molecules; expected one cation, no anion",
        ),
        (ClusterRecipe("contact", (LITHIUM, TFSI)), "1 cations, 1 anions and 0 solvent molecules"),
        (ClusterRecipe("separated", (LITHIUM, replace(TFSI, count=2), DME)), "1 cations, 2 anions"),
        (ClusterRecipe("aggregate", (LITHIUM, TFSI, DME)), "three ions or more"),
        (ClusterRecipe("aggregate", (replace(LITHIUM, count=3), DME)), "3 cations, 0 anions"),
        (ClusterRecipe("separated", (LITHIUM, TFSI, DME), separation_A=(2.0, 6.0)), "separation_A begins at 2, within"),
        (ClusterRecipe("complex", (LITHIUM, replace(DME, range_A=(2.4, 1.8)))), "range_A of DME is"),
        (ClusterRecipe("complex", (LITHIUM, replace(DME, count=0))), "count of DME is 0"),
        (ClusterRecipe("complex", (LITHIUM, replace(DME, name="D ME"))), "called 'D ME'"),
        (ClusterRecipe("complex", (LITHIUM, replace(DME, name="Li"))), "called Li, Li"),
        (ClusterRecipe("complex", (LITHIUM, replace(DME, smiles="COC.O"))), "given for 2 molecules"),
        (ClusterRecipe("complex", (replace(LITHIUM, smiles="C[NH3+]"), DME)), "cation Li has 8 atoms"),
        (ClusterRecipe("complex", (replace(LITHIUM, sites=("[Li+]",)), DME)), "expected one atom and no sites"),
        (
            ClusterRecipe("complex", (replace(LITHIUM, smiles="[Ti+4]"), DME)),
            "hold Ti, of no known van der Waals radius",
        ),
        (ClusterRecipe("complex", (LITHIUM, DME), seed=-1), "seed is -1"),
        (ClusterRecipe("complex", (LITHIUM, DME), min_distance_factor=0.0), "min_distance_factor is 0.0"),
        (ClusterRecipe("complex", (LITHIUM, DME), n_conformers=0), "n_conformers is 0"),
    ],
)
def test_bad_recipes_are_refused(recipe, message):
    with pytest.raises(InputError, match=message):
        make_clusters(recipe, 1)


def test_impossible_stereochemistry_is_refused():
    # Bridgeheads of so small a cage point the same way; here one points inwards.
    cage = Ingredient("cage", "C1C[C@H]2C[C@H]1CO2", 1, ("O",))
    with pytest.raises(InputError, match=r"cage .* has no conformer"):
        make_clusters(ClusterRecipe("complex", (LITHIUM, cage), n_conformers=1), 1)


@pytest.mark.parametrize("count", [0, 1.5, True])
def test_bad_counts_are_refused(count):
    with pytest.raises(InputError, match="count of clusters"):
        make_clusters(RECIPES["complex"], count)
