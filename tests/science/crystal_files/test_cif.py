"""CIFs as programs and people write them: what they say of themselves decides how they are read."""

import numpy as np
import pytest
from ase.spacegroup import Spacegroup, crystal

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal_files.cif import read_cif

TYPED = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
LABELLED = ("label", "fract_x", "fract_y", "fract_z")
CUBIC = "_symmetry_space_group_name_H-M 'P m -3 m'\n_symmetry_Int_Tables_number 221"


def cif(sites, symmetry=CUBIC, formula=None, z=None, a=3.91, columns=TYPED, more="", angles=(90, 90, 90), c=None):
    lines = ["data_x"]
    lines += [f"_chemical_formula_sum '{formula}'"] if formula else []
    lines += [f"_cell_formula_units_Z {z}"] if z else []
    lines += [f"_cell_length_{axis} {length}" for axis, length in zip("abc", (a, a, c or a), strict=True)]
    lines += [f"_cell_angle_{name} {angle}" for name, angle in zip(("alpha", "beta", "gamma"), angles, strict=True)]
    lines += [more, symmetry, "loop_", *(f"_atom_site_{column}" for column in columns), *sites]
    return "\n".join(lines).encode() + b"\n"


def read(content, is_ordered=True):
    return read_cif(content, is_ordered)


def formula_of(content):
    return read(content).atoms.get_chemical_formula()


def rejection(content):
    with pytest.raises(InputError) as refusal:
        read(content)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


LI3OCL = ("Li1 Li 0 .5 .5", "O1 O .5 .5 .5", "Cl1 Cl 0 0 0")
CUPRITE_AT_2 = ("Ag1 Ag 0 0 0", "O1 O .25 .25 .25")  # 4 b and 2 a of P n -3 m, origin choice 2
CUPRITE_AT_1 = ("Ag1 Ag .25 .25 .25", "O1 O 0 0 0")  # the same of origin choice 1
SPINEL_AT_2 = ("Mg Mg .125 .125 .125", "Al Al .5 .5 .5", "O O .2624 .2624 .2624")  # 8 a, 16 d, 32 e


def named(name):
    return f"_space_group_name_H-M_alt '{name}'"


@pytest.mark.parametrize(
    "symmetry",
    [
        named("P n -3 m :2"),
        named("P n -3 m Z"),
        named("Pn-3m:2"),
        named("P n -3 m (origin choice 2)"),
        named("P n -3 m"),
        "_space_group_IT_number 224",
        "_space_group_name_Hall '-P 4bc 2bc 3'",
        named("P n -3 m") + "\n_space_group_IT_coordinate_system_code 2",
        named("P N \N{EN DASH}3 M :2"),
    ],
)
def test_origin_choice_two_however_it_is_written(symmetry):
    assert formula_of(cif(CUPRITE_AT_2, symmetry, "Ag2 O1", 2, a=4.72)) == "Ag4O2"


@pytest.mark.parametrize("symmetry", [named("P n -3 m :1"), named("P n -3 m S"), named("P n -3 m")])
def test_origin_choice_one_however_it_is_written(symmetry):
    assert formula_of(cif(CUPRITE_AT_1, symmetry, "Ag2 O1", 2, a=4.72)) == "Ag4O2"


def test_an_origin_that_is_left_open_is_told():
    found = read(cif(SPINEL_AT_2, named("F d -3 m"), "Mg1 Al2 O4", 8, a=8.08))
    assert found.atoms.get_chemical_formula() == "Al16Mg8O32"
    assert "leaves the origin open; F d -3 m:2 is used, not F d -3 m:1" in found.notes[0]


def test_an_origin_that_contradicts_the_formula_is_rejected_with_the_one_that_fits():
    message = rejection(cif(CUPRITE_AT_2, named("P n -3 m :1"), "Ag2 O1", 2, a=4.72))
    assert "make Ag2O4 in the cell, _chemical_formula_sum is 'Ag2 O1'" in message
    assert "under P n -3 m:2 they agree" in message


def test_an_origin_that_nothing_decides_is_rejected():
    message = rejection(cif(CUPRITE_AT_2, named("P n -3 m"), a=4.72))
    assert "P n -3 m:1" in message
    assert "Ag2O4 and Ag4O2" in message


@pytest.mark.parametrize(
    "number", [2, 14, 19, 62, 88, 122, 141, 146, 148, 160, 167, 176, 186, 194, 203, 216, 225, 227, 230]
)
def test_operations_listed_expand_a_general_and_an_origin_site_as_ase_does(number):
    group = Spacegroup(number)
    length, gamma = (6.0, 120) if 143 <= number <= 194 else (9.0, 90)
    cell = (length, length, length * (1.3 if number < 195 else 1.0), 90, 90, gamma)
    expected = crystal(("S", "Li"), [(0.13, 0.21, 0.34), (0, 0, 0)], spacegroup=group, cellpar=cell)
    listed = "\n".join(
        f"'{','.join(_row(rotation, shift) for rotation, shift in zip(*operation, strict=True))}'"
        for operation in group.get_symop()
    )
    content = cif(
        ("S1 S .13 .21 .34", "Li1 Li 0 0 0"),
        f"loop_\n_symmetry_equiv_pos_as_xyz\n{listed}",
        a=length,
        c=cell[2],
        angles=cell[3:],
    )
    found = read_cif_without_contacts(content)
    assert found.get_chemical_formula() == expected.get_chemical_formula()
    one, other = found.get_scaled_positions(), expected.get_scaled_positions()
    for point, symbol in zip(other, expected.get_chemical_symbols(), strict=True):
        same = one[np.array(found.get_chemical_symbols()) == symbol]
        assert np.abs(same - point - np.round(same - point)).max(axis=1).min() < 1e-6


def read_cif_without_contacts(content):
    """Read with a site of partial occupancy, so that the short contacts of made-up sites do not matter."""
    text = content.decode().replace("_atom_site_fract_z", "_atom_site_fract_z\n_atom_site_occupancy")
    return read(
        text.replace(".13 .21 .34", ".13 .21 .34 .5").replace("Li1 Li 0 0 0", "Li1 Li 0 0 0 .5").encode(), False
    ).atoms


def _row(row, shift):
    terms = [f"{'-' if value < 0 else '+'}{axis}" for value, axis in zip(row, "xyz", strict=True) if value]
    return f"{shift:.5f}{''.join(terms)}"


@pytest.mark.parametrize(
    ("labels", "formula", "expected"),
    [
        (("K1", "O1", "CL1"), "K3 Cl1 O1", "ClK3O"),
        (("NA1", "S1", "CL1"), "Na3 Cl1 S1", "ClNa3S"),
        (("LI1", "O1", "CO1"), "Li3 Co1 O1", "CoLi3O"),
        (("LI1", "N1", "C1"), "Li3 N1 C1", "CLi3N"),
        (("LI1", "C1", "CO1"), "LI3 C1 CO1", "CCoLi3"),
        (("Li1", "Ow", "Cl"), "Li3 O Cl", "ClLi3O"),
        (("LiA", "O1W", "CL-1"), "Li3 O Cl", "ClLi3O"),
        (("SN1", "S1", "CS1"), "Sn3 S1 Cs1", "CsSSn3"),
    ],
)
def test_labels_in_capitals_are_elements_of_the_formula(labels, formula, expected):
    sites = [f"{label} {place}" for label, place in zip(labels, ("0 .5 .5", ".5 .5 .5", "0 0 0"), strict=True)]
    assert formula_of(cif(sites, formula=formula, z=1, a=6.2, columns=LABELLED)) == expected


@pytest.mark.parametrize(
    "symbols", [("LI1+", "O2-", "CL1-"), ("Li+1", "O-2", "cl1-"), ("LI", "O", "CL"), ("Li1.00+", "O2-", "Cl-")]
)
def test_type_symbols_in_any_case_and_with_charges(symbols):
    sites = [
        f"X{symbol} {symbol} {place}" for symbol, place in zip(symbols, ("0 .5 .5", ".5 .5 .5", "0 0 0"), strict=True)
    ]
    assert formula_of(cif(sites)) == "ClLi3O"


@pytest.mark.parametrize(
    ("label", "message"),
    [("CL1", "CL1 is Cl or C"), ("CO1", "CO1 is Co or C"), ("Wat1", "'Wat1'; expected an element"), ("M1", "'M1'")],
)
def test_labels_that_nothing_decides_are_rejected_by_name(label, message):
    assert message in rejection(cif(("Li1 0 .5 .5", "O1 .5 .5 .5", f"{label} 0 0 0"), columns=LABELLED))


@pytest.mark.parametrize("symbol", ["OH", "H2O", "NH4", "Wat", "M"])
def test_type_symbols_of_groups_are_rejected(symbol):
    assert repr(symbol) in rejection(cif(("Li1 Li 0 .5 .5", f"O1 {symbol} .5 .5 .5", "Cl1 Cl 0 0 0")))


def test_deuterium_is_hydrogen():
    assert formula_of(cif(("Li1 Li 0 .5 .5", "O1 O .5 .5 .5", "D1 D 0 0 0"), formula="Li3 D O", z=1)) == "HLi3O"


def test_hydrogens_of_the_formula_without_sites_are_named():
    message = rejection(cif(LI3OCL, formula="Li3 O1 Cl1 H12", z=1))
    assert "has H12, its sites have no H" in message


def test_attached_hydrogens_are_named():
    sites = [f"{site} {count}" for site, count in zip(LI3OCL, (0, 2, 0), strict=True)]
    assert "O1 has 2 attached hydrogens" in rejection(cif(sites, columns=(*TYPED, "attached_hydrogens")))


def test_sites_of_another_element_than_the_formula_are_named():
    assert "have Cl (Li3OCl in the cell)" in rejection(cif(LI3OCL, formula="Li3 O", z=1))


def test_half_of_the_formula_units_is_rejected():
    assert "1 of 'Li3 Cl1 O1' (2.01 g/cm³); the file says _cell_formula_units_Z 2" in rejection(
        cif(LI3OCL, formula="Li3 Cl1 O1", z=2)
    )


def test_z_alone_is_noted_where_the_density_is_that_of_the_sites():
    # (3 · 6.94 + 15.999 + 35.45) g/mol / 3.91³ Å³ = 2.008 g/cm³
    found = read(cif(LI3OCL, formula="Li3 Cl1 O1", z=2, more="_exptl_crystal_density_diffrn 2.01"))
    assert found.notes == ("the file says Z 2, its sites make 1 of 'Li3 Cl1 O1'",)


def test_density_judges_where_there_is_no_formula():
    assert "2.008 g/cm³; the file says 4.02" in rejection(cif(LI3OCL, more="_exptl_crystal_density_diffrn 4.02"))


def test_formula_of_the_whole_cell_as_programs_write_it():
    sites = ("Li1 Li 0 0 0", "Cl1 Cl .5 .5 .5")
    assert formula_of(cif(sites, named("F m -3 m"), "Li4 Cl4", 4, a=5.13)) == "Cl4Li4"
    assert formula_of(cif(sites, named("F m -3 m"), "Cl Li", 4, a=5.13)) == "Cl4Li4"


def test_volume_that_contradicts_the_cell():
    assert "volume of 59.78 Å³, _cell_volume is 69.8" in rejection(cif(LI3OCL, more="_cell_volume 69.8"))


def test_a_cell_without_the_symmetry_of_its_group():
    assert "does not have the symmetry of P m -3 m" in rejection(cif(LI3OCL, c=5.0))


@pytest.mark.parametrize("digits", [2, 3, 4, 6])
def test_rounded_thirds_neither_double_nor_lose_atoms(digits):
    third, two_thirds = f"{1 / 3:.{digits}f}", f"{2 / 3:.{digits}f}"
    # Wurtzite, 2 b of P 63 m c: two of each.
    sites = (f"Zn1 Zn {third} {two_thirds} 0", f"S1 S {third} {two_thirds} 0.375")
    found = read(cif(sites, named("P 63 m c"), a=3.81, c=6.26, angles=(90, 90, 120)))
    assert found.atoms.get_chemical_formula() == "S2Zn2"
    assert found.atoms.get_scaled_positions()[0] == pytest.approx([1 / 3, 2 / 3, 0], abs=1e-9)


def test_sites_listed_whole_under_the_name_of_a_group_are_merged_and_told():
    sites = (*LI3OCL, "Li2 Li .5 0 .5", "Li3 Li .5 .5 0")
    found = read(cif(sites, formula="Li3 Cl1 O1", z=1))
    assert found.atoms.get_chemical_formula() == "ClLi3O"
    assert "6 atoms that the sites give twice" in found.notes[0]
    assert "listed twice" in rejection(cif(sites))


ONLY_IDENTITY = f"{CUBIC}\nloop_\n_symmetry_equiv_pos_as_xyz\nx,y,z"


def test_the_formula_decides_between_operations_and_name():
    whole = read(cif((*LI3OCL, "Li2 Li .5 0 .5", "Li3 Li .5 .5 0"), ONLY_IDENTITY, "Li3 Cl1 O1", 1))
    unit = read(cif(LI3OCL, ONLY_IDENTITY, "Li3 Cl1 O1", 1))
    assert whole.atoms.get_chemical_formula() == unit.atoms.get_chemical_formula() == "ClLi3O"
    assert "contradict" in whole.notes[0]
    assert "contradicts itself on symmetry; P m -3 m" in unit.notes[0]
    assert "different structures (ClLiO and ClLi3O)" in rejection(cif(LI3OCL, ONLY_IDENTITY))


def test_generators_are_completed_to_the_group():
    listed = "loop_\n_space_group_symop_operation_xyz\n'x,y,z'\n'z,x,y'\n'-x,y,z'\n'y,x,z'"
    found = read(cif(LI3OCL, listed))
    assert found.group == "P m -3 m"
    assert "generate a group of 48" in found.notes[0]


def test_operations_that_generate_no_space_group():
    listed = "loop_\n_space_group_symop_operation_xyz\n'x,y,z'\n'x+1/24,z,y'\n'z,x+1/8,-y'\n'y+1/24,x,z+1/3'"
    assert "more than 192 operations" in rejection(cif(LI3OCL, listed))


@pytest.mark.parametrize("operation", ["x,y", "x+1/5,y,z", "a,b,c", "x,y,z,+1"])
def test_operations_that_cannot_be_read(operation):
    assert repr(operation) in rejection(cif(LI3OCL, f"loop_\n_symmetry_equiv_pos_as_xyz\n'{operation}'"))


def test_name_without_group():
    assert "'P q -3 m' is not known" in rejection(cif(LI3OCL, named("P q -3 m")))


def test_no_symmetry_is_told():
    assert "it states no symmetry" in rejection(cif(LI3OCL, "", "Li3 Cl1 O1", 1))
    found = read(cif((*LI3OCL, "Li2 Li .5 0 .5", "Li3 Li .5 .5 0"), "", "Li3 Cl1 O1", 1))
    assert "no symmetry" in found.notes[0]


def test_rhombohedral_axes_by_the_angles():
    # One metal on 1 a of R -3 m: one atom on rhombohedral axes, three on hexagonal ones.
    assert formula_of(cif(("Li1 Li 0 0 0",), named("R -3 m"), a=3.1, angles=(80, 80, 80))) == "Li"
    assert formula_of(cif(("Li1 Li 0 0 0",), named("R -3 m"), a=3.1, c=9.0, angles=(90, 90, 120))) == "Li3"
    assert "does not have the symmetry" in rejection(
        cif(("Li1 Li 0 0 0",), named("R -3 m :H"), a=3.1, angles=(80, 80, 80))
    )


def test_capitals_uncertainties_carriage_returns_and_names_of_authors():
    text = cif(("Li1 Li 0 .50(3) .5", "O1 O .5 .5 .5000(2)", "Cl1 Cl 0 0 0.0"), a="3.91(1)").decode()
    text = text.replace("_cell", "_CELL").replace("_atom_site", "_ATOM_SITE").replace("\n", "\r\n")
    content = b"\xef\xbb\xbf# \xc9lectrolyte\r\n" + text.encode() + b"_publ_author_name 'M\xfcller'\r\n"
    assert formula_of(content) == "ClLi3O"


def test_tags_with_dots():
    assert formula_of(cif(LI3OCL).replace(b"_atom_site_", b"_atom_site.").replace(b"_cell_", b"_cell.")) == "ClLi3O"


def test_blocks_without_atoms_are_passed_over_and_several_structures_rejected():
    alone = cif(LI3OCL)
    assert formula_of(b"data_global\n_publ_section_title 'x'\n" + alone) == "ClLi3O"
    assert "holds 2 structures (data_x, data_y)" in rejection(alone + alone.replace(b"data_x", b"data_y"))


def test_dummy_and_empty_sites_are_left_out_and_told():
    sites = [f"{site} . 1" for site in LI3OCL] + ["X1 X .3 .3 .3 dum 1", "Na1 Na .2 .2 .2 . 0"]
    found = read(cif(sites, columns=(*TYPED, "calc_flag", "occupancy")))
    assert found.atoms.get_chemical_formula() == "ClLi3O"
    assert found.notes == ("left out: X1 (dummy), Na1 (occupancy 0)",)


@pytest.mark.parametrize("text", ["?", ".", "0.5.5", "nan", "-1e400", "****"])
def test_places_that_are_not_numbers(text):
    assert f"Li1 has _atom_site_fract_z '{text}'" in rejection(cif((f"Li1 Li 0 .5 '{text}'", *LI3OCL[1:])))


@pytest.mark.parametrize("occupancy", ["1.5", "-0.2", "x"])
def test_occupancies_beyond_one(occupancy):
    sites = [f"{site} {occupancy}" for site in LI3OCL]
    assert "expected a number from 0 to 1" in rejection(cif(sites, columns=(*TYPED, "occupancy")))


def test_alternatives_of_disorder_without_occupancies():
    sites = ("Li1 Li 0 .5 .5 .", "O1 O .5 .5 .5 1", "Cl1 Cl 0 0 0 2")
    assert "alternatives of disorder" in rejection(cif(sites, columns=(*TYPED, "disorder_group")))


@pytest.mark.parametrize("tag", ["_cell_length_b", "_cell_angle_gamma"])
def test_cells_without_a_parameter(tag):
    content = b"\n".join(line for line in cif(LI3OCL).split(b"\n") if not line.startswith(tag.encode()))
    assert f"it has no {tag}" in rejection(content)


def test_partial_occupancies_are_listed_where_they_may_be():
    sites = ("Li1 Li 0 .5 .5 0.441(5)", "O1 O .5 .5 .5 1", "Cl1 Cl 0 0 0 1.0")
    content = cif(sites, formula="Li1.323 O Cl", z=1, columns=(*TYPED, "occupancy"))
    found = read(content, is_ordered=False)
    assert found.partial == ("Li1 (Li 0.441)",)
    assert found.occupancies.sum() == pytest.approx(3 * 0.441 + 2)
    assert "partially occupied sites: Li1 (Li 0.441)" in rejection(content)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("_cell_modulation_dimension 1", "modulated structure"),
        ("loop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1", "magnetic operations"),
        ("_cell_length_a 4.1", "_cell_length_a has two values"),
    ],
)
def test_what_is_beyond_a_crystal(more, message):
    assert message in rejection(cif(LI3OCL, more=more))


def test_cuts_anywhere_give_the_whole_structure_or_a_rejection():
    content = cif(LI3OCL, formula="Li3 Cl1 O1", z=1)
    for end in range(10, len(content)):
        try:
            found = read(content[:end])
        except InputError:
            continue
        assert found.atoms.get_chemical_formula() == "ClLi3O"


@pytest.mark.parametrize(
    ("symmetry", "notes"),
    [
        ("_symmetry_Int_Tables_number 14", ("the number 14 alone leaves the setting open; P 1 21/c 1 is taken",)),
        ("_symmetry_Int_Tables_number 14\n_symmetry_space_group_name_H-M 'P 21/c'", ()),
    ],
)
def test_a_setting_that_only_a_number_leaves_open_is_told(symmetry, notes):
    zirconia = ("Zr Zr .2754 .0395 .2083", "O1 O .0700 .3317 .3447", "O2 O .4496 .7569 .4792")
    found = read(cif(zirconia, symmetry, a=5.2, angles=(90, 99.2, 90)))
    assert found.atoms.get_chemical_formula() == "O8Zr4"
    assert found.notes == notes
