import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.boxes import count_molecules
from aiida_elyte.science.electrolyte.recipe import ANIONS, CATIONS, read_recipe
from aiida_elyte.science.electrolyte.solvation import Solvation, make_solvation_clusters
from aiida_elyte.science.frames import write_frames
from aiida_elyte.science.molecules.topology import topology_from_smiles

PEO = {
    "name": "peo",
    "polymer": {"unit": "*CCO*", "n_units": 20},
    "salt": {"name": "LiTFSI", "ratio": 0.075},
    "n_atoms": 1000,
}


@pytest.mark.parametrize("smiles", [*CATIONS.values(), *ANIONS.values()])
def test_known_ions_can_be_read(smiles):
    topology = topology_from_smiles(smiles)
    assert topology.formal_charges.sum() != 0


@pytest.mark.parametrize(
    ("name", "charges"),
    [
        ("LiTFSI", (1, -1)),
        ("ZnCl2", (2, -1)),
        ("Mg(TFSI)2", (2, -1)),
        ("Li2ZnCl4", (1, -2)),
        ("ZnZnCl4", (2, -2)),
    ],
)
def test_salts_are_named_by_their_formulas(name, charges):
    salt = read_recipe({**PEO, "salt": {"name": name, "ratio": 0.1}}).salt
    found = tuple(int(topology_from_smiles(smiles).formal_charges.sum()) for smiles in (salt.cation, salt.anion))
    assert found == charges


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_atom": 3}, "recipe has 'n_atom'.*did you mean n_atoms"),
        ({"polymer": {"unit": "*CCO*", "n_unit": 5}}, "polymer has 'n_unit'.*did you mean n_units"),
        ({"polymer": {"unit": "*CCO*"}}, "polymer lacks n_units"),
        ({"polymer": {"unit": "*CC(C)(C)(C)O*", "n_units": 5}}, "expected possible valences"),
        ({"polymer": "PEO"}, "polymer is 'PEO'; expected a mapping"),
        ({"polymer": None}, "no polymer and no solvents"),
        ({"solvents": {"x": {"smiles": "CC(C)(C)(C)C"}}}, "solvent x: SMILES .* is not a molecule .*[Vv]alence"),
        ({"solvents": {"Na": {"smiles": "[Na+]"}}}, r"solvent Na has a charge of \+1"),
        ({"solvents": {"w": {"smiles": "O.O"}}}, "2 molecules; expected one"),
        ({"solvents": []}, r"solvents is \[\]"),
        ({"salt": {"name": "LiTSFI", "ratio": 0.1}}, "salt 'LiTSFI' is not known.*did you mean LiTFSI"),
        ({"salt": {"name": "LiTFSI"}}, "neither or both"),
        (
            {"salt": {"name": "LiTFSI", "cation": "[Na+]", "anion": "[Cl-]", "ratio": 0.1}},
            r"called LiTFSI and has ions \[Na\+\] and \[Cl-\]; expected those of its name",
        ),
        ({"solvents": {"x": {"smiles": "[CH3]"}}}, "solvent x: SMILES .* has unpaired electrons"),
        ({"polymer": {"unit": "*[CH]C*", "n_units": 5}}, "unit .* has unpaired electrons"),
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


def test_the_order_in_which_solvents_are_written_changes_nothing():
    solvents = {"EC": {"smiles": "C1COC(=O)O1", "parts": 3}, "DMC": {"smiles": "COC(=O)OC", "parts": 7}}
    salt = {"name": "LiPF6", "molality_mol_kg": 1.0}
    made = []
    for names in (("EC", "DMC"), ("DMC", "EC")):
        content = {"name": "x", "n_atoms": 600, "salt": salt, "solvents": {name: solvents[name] for name in names}}
        recipe = read_recipe(content)
        clusters = make_solvation_clusters(recipe, Solvation(complex=1, contact=1, separated=0, aggregate=0))
        made.append((list(count_molecules(recipe).molecules.items()), write_frames(clusters)))
    assert made[0] == made[1]
    assert "DMC" in made[0][1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_atoms": 10**42}, "n_atoms is above 100000000"),
        ({"polymer": {"unit": "*CCO*", "n_units": 10**400}}, "n_units of polymer is above 400"),
    ],
)
def test_counts_beyond_any_box_are_rejected_before_anything_is_built(change, message):
    with pytest.raises(InputError, match=message):
        read_recipe({"name": "x", "n_atoms": 400, "polymer": {"unit": "*CCO*", "n_units": 10}} | change)


@pytest.mark.parametrize(
    ("salt", "message"),
    [
        (
            {"ratio": "20:1"},
            "ratio: '20:1'; expected ratio, a number of cations per site; for O:Li = 20 give ratio: 0.05",
        ),
        ({"EO:Li": 20}, "for EO:Li = 20 give ratio: 0.05"),
        ({"O:Li": "16:1"}, "for O:Li = 16 give ratio: 0.0625"),
        ({"[EO]/[Li]": 10}, "give ratio: 0.1"),
        # YAML 1.1 reads 20:1 as a number of base 60: 20 · 60 + 1
        ({"ratio": 1201}, "YAML reads 20:1 as 1201"),
    ],
)
def test_sites_to_a_cation_are_rejected_with_the_ratio(salt, message):
    with pytest.raises(InputError) as refusal:
        read_recipe({**PEO, "salt": {"name": "LiTFSI", **salt}})
    assert message in str(refusal.value)
