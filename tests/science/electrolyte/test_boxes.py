import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.boxes import (
    count_molecules,
    enlarge,
    one_of_each,
    pack_box,
    seed_of_box,
    topology_of_box,
)
from aiida_elyte.science.electrolyte.recipe import ANIONS, read_recipe

PEO = {
    "name": "peo",
    "polymer": {"unit": "*CCO*", "n_units": 20},
    "salt": {"name": "LiTFSI", "ratio": 0.075},
    "n_atoms": 1000,
}
LIQUID = {
    "name": "liquid",
    "solvents": {"EC": {"smiles": "C1COC(=O)O1"}, "DMC": {"smiles": "COC(=O)OC", "parts": 2}},
    "salt": {"name": "LiPF6", "molality_mol_kg": 1.0},
    "n_atoms": 3000,
}


def test_chains_and_salt_are_nearest_to_the_atoms_asked_for():
    # 20 units × 7 + H + CH3 = 145 atoms and 20 ether oxygens: 1.5 LiTFSI of 16 atoms, 169 in all; 1000/169 = 5.92.
    found = count_molecules(read_recipe(PEO))
    assert (found.n_chains, found.n_sites) == (6, 120)
    assert found.molecules == {"[Li+]": 9, ANIONS["TFSI"]: 9}
    assert found.n_atoms == 6 * 145 + 9 * 16
    assert found.ratio == pytest.approx(9 / 120)
    # 6 × (20 × 44.052 + 16.042) g/mol
    assert found.molality_mol_kg == pytest.approx(9 / (6 * (20 * 44.053 + 16.043)) * 1000, rel=1e-4)


def test_a_hundred_mer_with_methoxy_ends_has_101_sites():
    polymer = {"unit": "*CCO*", "n_units": 100, "head": "*OC", "tail": "*C"}
    found = count_molecules(read_recipe({**PEO, "polymer": polymer, "n_atoms": 30000}))
    assert found.n_sites == 101 * found.n_chains
    assert abs(found.n_atoms - 30000) < 709


def test_a_liquid_has_its_parts_and_molality():
    found = count_molecules(read_recipe(LIQUID))
    ec, dmc = found.molecules["C1COC(=O)O1"], found.molecules["COC(=O)OC"]
    assert dmc == pytest.approx(2 * ec, abs=1)
    mass_kg = (ec * 88.062 + dmc * 90.078) / 1000
    assert found.molecules["[Li+]"] == round(1.0 * mass_kg)
    assert found.molality_mol_kg == pytest.approx(found.molecules["[Li+]"] / mass_kg, rel=1e-4)
    assert found.n_atoms == pytest.approx(3000, abs=30)
    assert found.n_chains == 0


def test_a_gel_has_solvent_to_its_units():
    recipe = {**PEO, "solvents": {"EC": {"smiles": "C1COC(=O)O1", "parts": 0.5}}}
    found = count_molecules(read_recipe(recipe))
    assert found.molecules["C1COC(=O)O1"] == found.n_chains * 10


@pytest.mark.parametrize(
    ("unit", "sites", "per_unit"),
    [("*CCOC(=O)O*", "[OX2]([#6])[#6]", 2), ("*CCOC(=O)O*", "O=C", 1), ("*CC(COB1OCCO1)O*", "[OX2]([#6])[#6]", 1)],
)
def test_sites_are_counted_by_smarts(unit, sites, per_unit):
    recipe = {**PEO, "polymer": {"unit": unit, "n_units": 7}, "salt": {"name": "LiFSI", "ratio": 0.5, "sites": sites}}
    found = count_molecules(read_recipe(recipe))
    assert found.n_sites == pytest.approx(found.n_chains * 7 * per_unit, abs=found.n_chains)


def test_a_divalent_salt_is_neutral():
    water = {"name": "w", "n_atoms": 900, "solvents": {"water": {"smiles": "O"}}}
    for salt in ({"name": "ZnCl2"}, {"cation": "[Li+]", "anion": "Cl[Zn-2](Cl)(Cl)Cl"}):
        found = count_molecules(read_recipe({**water, "salt": {**salt, "molality_mol_kg": 2.0}}))
        n_water, n_cations, n_anions = found.molecules.values()
        n_salt = min(n_cations, n_anions)
        assert n_salt == round(2.0 * n_water * 18.015 / 1000)
        assert (n_cations, n_anions) == ((n_salt, 2 * n_salt) if "name" in salt else (2 * n_salt, n_salt))


def test_without_salt_there_is_none():
    found = count_molecules(read_recipe({key: value for key, value in PEO.items() if key != "salt"}))
    assert found.molecules == {}
    assert found.ratio is found.molality_mol_kg is None


def test_the_box_has_the_amounts_and_the_graph_foretold():
    recipe = read_recipe({**PEO, "n_atoms": 500})
    amounts = count_molecules(recipe)
    box = pack_box(recipe, amounts, 0.2)
    foretold = topology_of_box(recipe, amounts)
    assert len(box.positions) == amounts.n_atoms == len(foretold.elements)
    assert box.topology.elements == foretold.elements
    assert (box.topology.bonds == foretold.bonds).all()
    assert (box.topology.molecules == foretold.molecules).all()
    assert len(one_of_each(recipe).names) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"salt": {"name": "LiTFSI", "ratio": 0.001}}, "rounded to no salt"),
        ({"salt": {"name": "LiTFSI", "ratio": 0.1, "sites": "[#16]"}}, "with 0 sites"),
        ({"polymer": {"unit": "*CC(C(=O)[O-])O*", "n_units": 10}}, "charge of the recipe is .* expected a neutral box"),
        ({"solvents": {"w": {"smiles": "O", "parts": 1e-9}}}, "too few for one molecule of w"),
    ],
)
def test_recipes_that_come_to_nothing_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        count_molecules(read_recipe({**PEO, **change}))


def test_a_box_too_small_for_its_recipe_is_enlarged():
    content = {"name": "few", "polymer": {"unit": "*CCO*", "n_units": 10}, "salt": {"name": "LiTFSI", "ratio": 0.005}}
    small = read_recipe({**content, "n_atoms": 200, "temperature_K": 350})
    with pytest.raises(InputError, match="rounded to no salt"):
        count_molecules(small)
    assert count_molecules(enlarge(small, 4000)).molecules["[Li+]"] == 1
    with pytest.raises(InputError, match="rounded to no salt"):
        enlarge(small, 300)


def test_neighbouring_seeds_share_no_box():
    seeds = [seed_of_box(seed, number) for seed in range(20) for number in range(20)]
    assert len(set(seeds)) == 400
    assert all(0 < seed < 2**31 - 1 for seed in seeds)


@pytest.mark.parametrize(
    ("salt", "message"),
    [
        # 20 · 120 sites = 2400 cations where 120 sites have 6 of them at O:Li = 20
        ({"ratio": 20}, r"434.*mol/kg.*for sites:Li \(O:Li\) = 20 give ratio: 0.05"),
        ({"ratio": 2}, r"for sites:Li \(O:Li\) = 2 give ratio: 0.5"),
        ({"molality_mol_kg": 434}, "expected at most 60 mol of salt per kg"),
    ],
)
def test_more_salt_than_can_be_dissolved_is_rejected(salt, message):
    with pytest.raises(InputError, match=message):
        count_molecules(
            read_recipe({**PEO, "polymer": {"unit": "*CCO*", "n_units": 8}, "salt": {"name": "LiTFSI", **salt}})
        )


def test_a_polymer_in_salt_is_accepted():
    # Poly(ethylene carbonate) with 1.88 LiFSI to a carbonate unit of 88.06 g/mol: 21.3 mol/kg less the ends of chains.
    content = {
        "name": "pec",
        "n_atoms": 4000,
        "polymer": {"unit": "*CCOC(=O)O*", "n_units": 20},
        "salt": {"name": "LiFSI", "ratio": 1.88, "sites": "C=O"},
    }
    assert count_molecules(read_recipe(content)).molality_mol_kg == pytest.approx(1.88 / 0.08806, rel=0.02)


def test_a_box_far_from_the_size_asked_for_is_told():
    few = count_molecules(read_recipe({**PEO, "n_atoms": 100}))
    assert few.n_atoms == 177  # one chain of 20 units with two ion pairs: 20 · 7 + 5 + 2 · 16
    assert few.misses(100)
    assert few.misses(141)  # 177 / 141 = 1.255
    assert not few.misses(142)
