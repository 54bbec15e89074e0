from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from ase.neighborlist import neighbor_list

import aiida_elyte
from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal import (
    check_structure,
    closest_contact,
    read_structure,
    require_charges,
    require_temperatures,
    suggest,
)

ORDERED = """data_LiCl
_cell_length_a 5.13
_cell_length_b 5.13
_cell_length_c 5.13
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_symmetry_Int_Tables_number 225
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0 {li}
Cl1 Cl 0.5 0.5 0.5 {cl}
{more}
"""


def cif(tmp_path, li="1", cl="1.0", more="", name="licl.cif"):
    path = tmp_path / name
    path.write_text(ORDERED.format(li=li, cl=cl, more=more))
    return path


def test_ordered_cif_is_expanded_by_its_space_group(tmp_path):
    atoms = read_structure(cif(tmp_path))
    assert atoms.get_chemical_formula() == "Cl4Li4"
    assert atoms.pbc.all()
    assert atoms.info == {}
    assert set(atoms.arrays) == {"numbers", "positions"}


def test_uncertainty_of_an_occupancy_and_an_unstated_one_are_understood(tmp_path):
    assert len(read_structure(cif(tmp_path, li="1.000(3)", cl="?"))) == 8


def test_cif_without_occupancies_means_full_sites(tmp_path):
    path = cif(tmp_path, li="", cl="")
    path.write_text(path.read_text().replace("_atom_site_occupancy\n", ""))
    assert len(read_structure(path)) == 8


def test_partial_occupancy_is_refused_with_site_and_remedy(tmp_path):
    with pytest.raises(InputError, match=r"Li1 \(Li 0\.441\).*order the structure first") as refusal:
        read_structure(cif(tmp_path, li="0.441(5)"))
    assert "Cl1" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_mixed_site_whose_parts_add_up_to_one_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"Cl1 \(Cl 0\.5\), Br1 \(Br 0\.5\)"):
        read_structure(cif(tmp_path, cl="0.5", more="Br1 Br 0.5 0.5 0.5 0.5"))


def test_occupancy_left_by_ase_in_info_is_refused(tmp_path):
    atoms = read(cif(tmp_path, li="0.5"))
    with pytest.raises(InputError, match=r"kind 0 \(Li 0\.5\)"):
        check_structure(atoms, "given atoms")


@pytest.mark.parametrize(("name", "file_format"), [("POSCAR", "vasp"), ("a.extxyz", "extxyz"), ("a.cif", "cif")])
def test_formats_give_the_same_crystal(tmp_path, name, file_format):
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    write(tmp_path / name, crystal, format=file_format)
    found = read_structure(tmp_path / name)
    assert found.get_chemical_formula() == "Cl4Li4"
    np.testing.assert_allclose(found.cell.lengths(), 5.13, atol=1e-6)
    assert closest_contact(found, 1.5).distance == pytest.approx(5.13 / 2, abs=1e-6)


def test_constraints_of_a_poscar_are_left_behind(tmp_path):
    (tmp_path / "POSCAR").write_text(
        "LiCl\n1.0\n5 0 0\n0 5 0\n0 0 5\nLi Cl\n1 1\nSelective dynamics\nDirect\n0 0 0 F F F\n.5 .5 .5 T T T\n"
    )
    assert read_structure(tmp_path / "POSCAR").constraints == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("empty.cif", "", "is empty"),
        ("blank.cif", " \n\n", "is empty"),
        ("broken.cif", "data_x\nloop_\n_atom_site_label\nLi1\n", "holds no structure|cannot be read"),
        ("cut.cif", ORDERED.split("loop_", maxsplit=1)[0], "holds no structure"),
        ("noise.cif", "no crystal\n", r"cannot be read \(its content is malformed\)"),
        ("words", "this is no structure", "no format ASE knows"),
        ("words.dat", "this is no structure", "cannot be read"),
        ("POSCAR", "a\nb\nc\n", "cannot be read"),
        ("none.extxyz", '0\nLattice="5 0 0 0 5 0 0 0 5"\n', "holds no atom|cannot be read"),
        ("molecule.xyz", "2\n\nLi 0 0 0\nCl 0 0 2\n", "not periodic"),
        ("nan.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 5"\nLi 0 nan 0\n', "not numbers"),
        ("slab.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 5" pbc="T T F"\nLi 0 0 0\n', "not periodic"),
        ("flat.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 0"\nLi 0 0 0\n', "not periodic"),
        ("ghost.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 5"\nX 0 0 0\n', "unknown species"),
    ],
)
def test_unusable_file_is_refused_in_one_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as refusal:
        read_structure(tmp_path / name)
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_structure(tmp_path / "nowhere.cif")
    with pytest.raises(InputError, match="is a folder"):
        read_structure(tmp_path)


def test_several_structures_are_refused(tmp_path):
    write(tmp_path / "many.extxyz", [bulk("Li"), bulk("Li")])
    with pytest.raises(InputError, match="holds 2 structures; expected one"):
        read_structure(tmp_path / "many.extxyz")


@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_overlap_names_the_pair_and_the_distance(shift):
    # Li 1.28 Å + S 1.05 Å: half the sum is 1.165 Å.
    atoms = Atoms("LiS", [[0.1, 2, 2], [0.1 + shift, 2, 2]], cell=[6, 6, 6], pbc=True)
    with pytest.raises(InputError, match=rf"Li0 and S1 are {shift:.3f} Å apart"):
        check_structure(atoms)


def test_overlap_through_the_boundary_is_seen():
    atoms = Atoms("LiS", [[0.1, 2, 2], [5.9, 2, 2]], cell=[6, 6, 6], pbc=True)
    with pytest.raises(InputError, match=r"0\.200 Å"):
        check_structure(atoms)


def test_atom_overlapping_its_own_image_is_seen():
    with pytest.raises(InputError, match="Li0 and Li0"):
        check_structure(Atoms("Li", cell=[1, 6, 6], pbc=True))


def test_closest_contact_is_the_smallest_in_units_of_radii():
    atoms = Atoms("LiSLiLi", [[0, 0, 0], [2.0, 0, 0], [0, 5, 0], [0, 7.05, 0]], cell=[12, 12, 12], pbc=True)
    contact = closest_contact(atoms)
    assert contact.pair == ("Li2", "Li3")  # 2.05 / 2.56 = 0.80, while Li–S has 2.0 / 2.33 = 0.86
    assert contact.factor == pytest.approx(2.05 / 2.56)
    assert closest_contact(atoms, 0.7) is None


def test_charges():
    crystal = bulk("LiCl", "rocksalt", a=5.13)
    require_charges(crystal, {"Li": 1})
    require_charges(crystal, {"Li": 1.0, "Cl": -1.0}, mobile=["Li"])


def test_charges_of_all_species_are_neutral_over_the_atoms():
    thiophosphate = Atoms("Li3PS4")
    require_charges(thiophosphate, {"Li": 1, "P": 5, "S": -2})  # 3 + 5 - 8
    require_charges(thiophosphate, {"Li": 1, "P": 4})
    with pytest.raises(InputError, match=r"sum to -1 e over .*neutral"):
        require_charges(thiophosphate, {"Li": 1, "P": 4, "S": -2})  # 3 + 4 - 8


@pytest.mark.parametrize(
    ("charges", "mobile", "message"),
    [
        ({}, (), "charges is empty"),
        (None, (), "charges is empty"),
        ({"li": 1}, (), "did you mean Li"),
        ({"Na": 1}, (), r"not in the structure \(Cl, Li\)"),
        ({"Cl": -1}, ("Li",), "lacks mobile species Li"),
        ({"Li": 0}, (), "other than zero"),
        ({"Li": float("nan")}, (), "expected a number"),
        ({"Li": "1"}, (), "expected a number"),
    ],
)
def test_bad_charges_are_refused(charges, mobile, message):
    with pytest.raises(InputError, match=message):
        require_charges(bulk("LiCl", "rocksalt", a=5.13), charges, mobile)


@pytest.mark.parametrize(
    "bad", [None, [], [-3], [0], [300, float("nan")], [float("inf")], ["300"], [True], [300, 300.0]]
)
def test_bad_temperatures_are_refused(bad):
    with pytest.raises(InputError, match="temperatures_K"):
        require_temperatures(bad)


def test_temperatures():
    require_temperatures([700, 850.5])


def test_suggestions_ignore_case():
    assert suggest("li", ["Li", "S"]) == "; did you mean Li?"
    assert suggest("qqq", ["Li", "S"]) == ""


def test_demo_structure_has_the_published_bonds():
    demo = read_structure(Path(aiida_elyte.__file__).parent / "cli" / "demo" / "Li3PS4-beta.cif")
    assert demo.get_chemical_formula() == "Li12P4S16"
    symbols = np.array(demo.get_chemical_symbols())
    first, second, distances = neighbor_list("ijd", demo, {("P", "S"): 2.3, ("Li", "S"): 2.7})
    bonds = distances[(symbols[first] == "P") & (symbols[second] == "S")]
    assert len(bonds) == 4 * 4
    # P-S in PS4 tetrahedra: 2.03 to 2.07 Å.
    assert 2.03 < bonds.min() < bonds.max() < 2.08
    contacts = distances[(symbols[first] == "Li") & (symbols[second] == "S")]
    assert 2.4 < contacts.min() < contacts.max() < 2.6
