import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.topology import topology_from_smiles
from aiida_elyte.science.recipe import ANIONS, CATIONS, count_molecules, read_recipe

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


@pytest.mark.parametrize("smiles", [*CATIONS.values(), *ANIONS.values()])
def test_known_ions_can_be_read(smiles):
    topology = topology_from_smiles(smiles)
    assert topology.formal_charges.sum() != 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_atom": 3}, "unknown key 'n_atom'.*did you mean n_atoms"),
        ({"polymer": {"unit": "*CCO*", "n_unit": 5}}, "polymer has an unknown key 'n_unit'.*did you mean n_units"),
        ({"polymer": {"unit": "*CCO*"}}, "polymer lacks n_units"),
        ({"polymer": {"unit": "*CC(C)(C)(C)O*", "n_units": 5}}, "cannot be read"),
        ({"polymer": "PEO"}, "polymer is 'PEO'; expected a mapping"),
        ({"polymer": None}, "no polymer and no solvents"),
        ({"solvents": {"x": {"smiles": "CC(C)(C)(C)C"}}}, "solvent x: SMILES .* is no molecule .*[Vv]alence"),
        ({"solvents": {"Na": {"smiles": "[Na+]"}}}, r"solvent Na has a charge of \+1"),
        ({"solvents": {"w": {"smiles": "O.O"}}}, "2 molecules; expected one"),
        ({"solvents": []}, r"solvents is \[\]"),
        ({"salt": {"name": "LiTSFI", "ratio": 0.1}}, "salt 'LiTSFI' is not known.*did you mean LiTFSI"),
        ({"salt": {"name": "LiTFSI"}}, "neither or both"),
        ({"salt": {"name": "LiTFSI", "ratio": -1}}, "ratio of salt is -1"),
        ({"salt": {"cation": "[Li+]", "anion": "O", "ratio": 0.1}}, "expected opposite signs"),
        ({"salt": {"cation": "[Li+]", "ratio": 0.1}}, "salt lacks anion"),
        ({"n_atoms": 0}, "n_atoms is 0"),
        ({"temperature_K": -5}, "temperature_K is -5"),
        ({"pressure_bar": "low"}, "pressure_bar is 'low'"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_recipes_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        read_recipe({**PEO, **change})


def test_what_is_no_mapping_is_refused():
    with pytest.raises(InputError, match="recipe is None; expected a mapping"):
        read_recipe(None)


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
