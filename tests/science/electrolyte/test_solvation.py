from collections import Counter

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.electrolyte.solvation import Solvation, make_solvation_clusters

PEO = {
    "name": "peo",
    "polymer": {"unit": "*CCO*", "n_units": 100, "head": "*OC", "tail": "*C"},
    "salt": {"name": "LiTFSI", "ratio": 0.075},
    "n_atoms": 3000,
}
CARBONATES = {
    "name": "carbonates",
    "solvents": {"EC": {"smiles": "C1COC(=O)O1"}, "DMC": {"smiles": "COC(=O)OC"}},
    "salt": {"name": "LiPF6", "molality_mol_kg": 1.0},
    "n_atoms": 1000,
}


def test_every_arrangement_is_there_as_often_as_asked():
    settings = Solvation(complex=3, contact=2, separated=1, aggregate=4)
    clusters = make_solvation_clusters(read_recipe(PEO), settings)
    assert Counter(cluster.info["kind"] for cluster in clusters) == {
        "complex": 3,
        "contact": 2,
        "separated": 1,
        "aggregate": 4,
    }
    # Both aggregates: two cations and an anion, one and two.
    charges = [cluster.info["charge"] for cluster in clusters if cluster.info["kind"] == "aggregate"]
    assert Counter(charges) == {1: 2, -1: 2}


def test_a_polymer_is_a_short_chain_with_its_end_groups():
    cluster = make_solvation_clusters(read_recipe(PEO), Solvation(n_units=3))[0]
    # CH3–O–(CH2CH2O)3–CH3 is triglyme, C8H18O4, and a lithium ion.
    assert cluster.get_chemical_formula() == "C8H18LiO4"


def test_solvents_take_turns():
    clusters = make_solvation_clusters(read_recipe(CARBONATES), Solvation(n_solvent=2))
    names = Counter("EC" if "EC" in one.info["stoichiometry"] else "DMC" for one in clusters)
    assert abs(names["EC"] - names["DMC"]) <= 2
    first = [(one.info["kind"], one.info["stoichiometry"]) for one in clusters[:10]]
    assert len(set(first)) == 10


def test_the_cation_is_at_the_carbonyl_oxygen():
    clusters = make_solvation_clusters(read_recipe(CARBONATES), Solvation(contact=0, separated=0, aggregate=0))
    for cluster in clusters:
        lithium = cluster.positions[cluster.symbols == "Li"][0]
        nearest = np.argsort(np.linalg.norm(cluster.positions - lithium, axis=1))[1]
        bonded = np.count_nonzero(np.linalg.norm(cluster.positions - cluster.positions[nearest], axis=1) < 1.7) - 1
        assert cluster[int(nearest)].symbol == "O"
        assert bonded == 1


def test_unusable_settings_and_recipes_are_refused():
    with pytest.raises(InputError, match="has no salt"):
        make_solvation_clusters(read_recipe({**PEO, "salt": None}), Solvation())
    with pytest.raises(InputError, match="asks for none"):
        Solvation(complex=0, contact=0, separated=0, aggregate=0)
    with pytest.raises(InputError, match="n_units"):
        Solvation(n_units=0)
