import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
import zstandard
from ase.build import bulk
from ase.io import write
from ase.neighborlist import neighbor_list

import aiida_elyte
from aiida_elyte.errors import InputError
from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.crystal_files.read import read_structure
from tests.cif_text import SITE_COLUMNS

ORDERED = f"""data_LiCl
_cell_length_a 5.13
_cell_length_b 5.13
_cell_length_c 5.13
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_symmetry_Int_Tables_number 225
{SITE_COLUMNS}Li1 Li 0 0 0 {{li}}
Cl1 Cl 0.5 0.5 0.5 {{cl}}
{{more}}
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
        ("noise.cif", "no crystal\n", "cannot be read as a CIF"),
        ("words", "this is no structure", "no format ASE knows"),
        ("words.dat", "this is no structure", "cannot be read"),
        ("POSCAR", "a\nb\nc\n", "has 3 lines"),
        ("none.extxyz", '0\nLattice="5 0 0 0 5 0 0 0 5"\n', "holds no atom|cannot be read"),
        ("molecule.xyz", "2\n\nLi 0 0 0\nCl 0 0 2\n", "not periodic"),
        ("nan.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 5"\nLi 0 nan 0\n', "position of atom 0 is 0.0 nan 0.0"),
        ("slab.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 5" pbc="T T F"\nLi 0 0 0\n', "not periodic"),
        ("flat.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 0"\nLi 0 0 0\n', "without a volume"),
        ("ghost.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 5"\nX 0 0 0\n', "not an element"),
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


def test_demo_structure_has_the_published_bonds():
    demo = read_structure(Path(aiida_elyte.__file__).parent / "api" / "demo" / "Li3PS4-beta.cif")
    assert demo.get_chemical_formula() == "Li12P4S16"
    symbols = np.array(demo.get_chemical_symbols())
    first, second, distances = neighbor_list("ijd", demo, {("P", "S"): 2.3, ("Li", "S"): 2.7})
    bonds = distances[(symbols[first] == "P") & (symbols[second] == "S")]
    assert len(bonds) == 4 * 4
    # P-S in PS4 tetrahedra: 2.03 to 2.07 Å.
    assert 2.03 < bonds.min() < bonds.max() < 2.08
    contacts = distances[(symbols[first] == "Li") & (symbols[second] == "S")]
    assert 2.4 < contacts.min() < contacts.max() < 2.6


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress, lzma.compress, zstandard.compress])
def test_structures_in_archives_are_read_and_damaged_archives_are_one_line(tmp_path, pack):
    packed = pack(cif(tmp_path).read_bytes())
    suffix = {"bz2": ".bz2", "gzip": ".gz", "lzma": ".xz"}.get(pack.__module__, ".zst")
    path = tmp_path / f"packed.cif{suffix}"
    path.write_bytes(packed)
    assert str(read_structure(path).symbols) == str(read_structure(tmp_path / "licl.cif").symbols)
    for broken in (packed[: len(packed) // 2], packed[:60] + bytes(20) + packed[80:]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match="cannot be read"):
            read_structure(path)


def test_extxyz_is_read_with_keys_and_elements_in_any_case_as_data_sets_are(tmp_path):
    path = tmp_path / "licl.xyz"
    rows = "LI 0 0 0\nCL 2.5 2.5 2.5\n"
    path.write_text(f'2\nlattice="5 0 0 0 5 0 0 0 5" properties=species:S:1:pos:R:3 pbc="T T T"\n{rows}')
    atoms = read_structure(path)
    assert str(atoms.symbols) == "LiCl"
    np.testing.assert_allclose(atoms.cell.array, 5 * np.eye(3))
    path.write_text(f'3\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3 pbc="T T T"\n{rows}')
    with pytest.raises(InputError, match="ends within it"):
        read_structure(path)


def test_types_of_a_lammps_dump_make_no_structure(tmp_path):
    path = tmp_path / "one.dump"
    path.write_text(
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 4\n0 4\n0 4\n"
        "ITEM: ATOMS id type x y z\n1 3 0 0 0\n"
    )
    with pytest.raises(InputError, match="columns are id type x y z; expected elements"):
        read_structure(path)
