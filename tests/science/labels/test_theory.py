"""Levels of theory: names of one thing, what differs, what is one level."""

from math import inf, pi

import pytest
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.functionals import name_of_functional
from aiida_elyte.science.labels.theory import LevelOfTheory, combine_levels, difference, mesh_spacing, require_one_level

PBE = LevelOfTheory(
    "PBE",
    dispersion="D3(BJ)",
    hubbard={"Fe": "d 4 eV"},
    cutoff=(80.0, 320.0),
    cutoff_unit="Ry",
    kpoints=(0.25, 0.5),
    smearing=("Gaussian", 0.05),
    spin="collinear spin",
    potentials={"Fe": "PAW_PBE Fe_pv 06Sep2000", "Li": "Li.upf#1234abcd"},
    extras=("EFIELD 0.1",),
)
"""A level that states every field."""


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["PBE", "pbe", "SLA  PW   PBX  PBC", "sla+pw+pbx+pbc", "GGA PE", "Perdew Burke Ernzerhof"], "PBE"),
        (["PBEsol", "GGA PS", "SLA PW PSX PSC", "PBE for solids (2008)"], "PBEsol"),
        (["revPBE", "GGA RE"], "revPBE"),
        (["RPBE", "GGA RP", "revised Perdew Burke Ernzerhof"], "RPBE"),
        (["PZ", "SLA PZ NOGX NOGC", "Local Density Approximation"], "LDA (PZ)"),
        (["r2SCAN", "R2SCAN", "r²SCAN"], "r2SCAN"),
        (["rSCAN"], "rSCAN"),
        (["HSE06", "hybrid HSE06", "hse"], "HSE06"),
    ],
)
def test_spellings_of_a_functional_are_one(words, name):
    assert {name_of_functional(word) for word in words} == {name}


def test_a_line_reads_back():
    assert LevelOfTheory.parse(str(PBE)) == PBE
    for text in ("GFN1-xTB (tblite, Gamma point)", "LJ", "PBE, soft 50 Ry, no U", "ωB97X-D3BJ/def2-SVP (PySCF)"):
        assert str(LevelOfTheory.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("PBE, 520 eV", {"method": "PBE", "cutoff": (520.0,), "cutoff_unit": "eV"}),
        ("PBE-D3(BJ)/def2-SVP", {"method": "PBE", "dispersion": "D3(BJ)", "basis": "def2-SVP"}),
        ("PBE + D2, 80/320 ry", {"dispersion": "D2", "cutoff": (80.0, 320.0), "cutoff_unit": "Ry"}),
        ("PBE+U", {"method": "PBE", "hubbard": {"": ""}}),
        ("k 0.3/Å", {"method": "k 0.3/Å"}),
        ("PBE, k 0.3/Å", {"kpoints": (0.3, 0.3)}),
        ("PBE, k-spacing 0.3/Å or more", {"kpoints": (0.3, inf)}),
    ],
)
def test_text_of_users_is_read(text, fields):
    level = LevelOfTheory.parse(text)
    assert {name: getattr(level, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("method", "PBEsol", "the method is PBE in one and PBEsol in the other"),
        ("dispersion", "D2", "the dispersion correction is D3(BJ) in one and D2 in the other"),
        ("dispersion", None, "the dispersion correction is D3(BJ) in one and absent in the other"),
        ("hubbard", {"Fe": "d 5 eV"}, "the Hubbard correction is Fe: d 4 eV in one and Fe: d 5 eV in the other"),
        ("hubbard", {}, "the Hubbard correction is Fe: d 4 eV in one and absent in the other"),
        ("cutoff", (60.0, 320.0), "the cut-off is 80/320 Ry in one and 60/320 Ry in the other"),
        ("cutoff", (), "the cut-off is 80/320 Ry in one and unstated in the other"),
        ("kpoints", (0.6, 0.7), "the spacing of k-points is 0.25 to 0.5/Å in one and 0.6 to 0.7/Å in the other"),
        ("smearing", ("Gaussian", 0.1), "the smearing is Gaussian 0.05 eV in one and Gaussian 0.1 eV in the other"),
        ("spin", "unpolarised", "the spin is collinear spin in one and unpolarised in the other"),
        ("extras", (), "the rest is EFIELD 0.1 in one and unstated in the other"),
    ],
)
def test_the_field_that_differs_is_named(field, value, words):
    other = str(LevelOfTheory(**{**vars(PBE), field: value}))
    assert difference(str(PBE), other) == words
    assert difference(other, str(PBE)) is not None


@pytest.mark.parametrize("field", ["kpoints", "smearing", "spin"])
def test_what_not_every_run_prints_does_not_differ_where_unstated(field):
    assert difference(str(PBE), str(LevelOfTheory(**{**vars(PBE), field: None}))) is None


def test_same_numbers_in_other_units_are_one_level():
    # 1 Ry = 13.605693 eV, 1 Ha = 2 Ry.
    assert difference("PBE, 40 Ry", "PBE, 544.22772 eV") is None
    assert difference("PBE, 40 Ry", "PBE, 20 Ha") is None
    assert difference("PBE, 40 Ry", "PBE, 40 eV") is not None


def test_pseudopotentials_are_a_set_over_shared_elements():
    one, reordered = "PBE, 40 Ry, Cl: Cl.upf + Li: Li.upf", "PBE, 40 Ry, Li: Li.upf + Cl: Cl.upf"
    assert difference(one, reordered) is None
    assert difference(one, "PBE, 40 Ry, Li: Li.upf + S: S.upf") is None
    assert "pseudopotentials" in difference(one, "PBE, 40 Ry, Li: Li_sv.upf")
    assert "pseudopotentials" in difference(one, "PBE, 40 Ry")


def test_the_hash_of_a_pseudopotential_counts_where_both_are_known():
    assert difference("PBE, Li: Li.upf#1234abcd", "PBE, Li: lithium.upf#1234abcd") is None
    assert difference("PBE, Li: Li.upf#1234abcd", "PBE, Li: Li.upf#ffff0000") is not None
    assert difference("PBE, Li: Li.upf#1234abcd", "PBE, Li: Li.upf") is None


def test_a_run_without_the_corrected_element_is_of_the_same_level():
    with_iron = "PBE, Hubbard U Fe: d 4 eV, 40 Ry, Fe: Fe.upf + Li: Li.upf"
    assert difference(with_iron, "PBE, 40 Ry, Li: Li.upf") is None
    assert difference(with_iron, "PBE, 40 Ry, Fe: Fe.upf + Li: Li.upf") is not None


@pytest.mark.parametrize("spacing", [0.15, 0.3, 0.7])
def test_supercells_of_one_density_are_one_level(spacing):
    levels = set()
    for edge in (3.0, 4.1, 5.3, 8.2, 12.3, 16.4, 31.0):
        length = 2 * pi / edge
        mesh = -int(-length // spacing)  # what KSPACING and kpoints_distance give: ceil(b/d)
        levels.add(str(LevelOfTheory("PBE", kpoints=mesh_spacing([length] * 3, [mesh] * 3))))
    line, sentence = combine_levels(levels)
    assert sentence is None
    low, high = LevelOfTheory.parse(line).kpoints
    assert low <= spacing * 1.001
    assert spacing <= high * 1.001
    assert combine_levels([*levels, f"PBE, k {spacing}/Å"])[1] is None


def test_meshes_of_different_density_are_two_levels():
    coarse, fine = (LevelOfTheory("PBE", kpoints=mesh_spacing([1.5] * 3, [count] * 3)) for count in (2, 4))
    assert "k-points" in difference(str(coarse), str(fine))


def test_levels_combine_to_what_all_of_them_state():
    lines = [
        "PBE, 40 Ry, k-spacing 0.2 to 0.4/Å, Li: Li.upf",
        "PBE, 40 Ry, k-spacing 0.3 to 0.6/Å, unpolarised, Cl: Cl.upf",
    ]
    line, sentence = combine_levels(lines)
    assert sentence is None
    assert line == "PBE, 40 Ry, k-spacing 0.3 to 0.4/Å, unpolarised, Cl: Cl.upf + Li: Li.upf"
    assert combine_levels(["GFN1-xTB", "GFN1-xTB"]) == ("GFN1-xTB", None)


def test_mixed_levels_are_rejected():
    first, other = Atoms("Li", info={"level_of_theory": "A"}), Atoms("Li", info={"level_of_theory": "B"})
    assert require_one_level([first, first]) == "A"
    with pytest.raises(InputError, match=r"mixes levels of theory \['A', 'B'\]"):
        require_one_level([first, other])


def test_a_hubbard_correction_of_unstated_size_combines_with_a_stated_one():
    lines = ["PBE, Hubbard U, 520 eV", "PBE, Hubbard U Fe: d 4 eV, 520 eV"]
    assert combine_levels(lines) == ("PBE, Hubbard U Fe: d 4 eV, 520 eV", None)
    assert "Hubbard" in combine_levels([*lines, "PBE, Hubbard U Fe: d 5 eV, 520 eV"])[1]
    assert combine_levels(["PBE, Hubbard U", "PBE, Hubbard U, unpolarised"])[0] == "PBE, Hubbard U, unpolarised"


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_two_meshes_of_one_cell_are_two_levels(count):
    one, other = (
        str(LevelOfTheory("PBE", kpoints=mesh_spacing([1.7] * 3, [points] * 3))) for points in (count, count + 1)
    )
    assert "the spacing of k-points is" in difference(one, other)
    assert difference(one, one) is None
