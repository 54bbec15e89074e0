import pytest

from aiida_elyte.science.crystal_files.formula import density_of, parse_formula


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Li6 Ti12 P18 O72", {"Li": 6, "Ti": 12, "P": 18, "O": 72}),
        ("Li9.54 Si1.74 P1.44 S11.7 Cl0.3", {"Li": 9.54, "Si": 1.74, "P": 1.44, "S": 11.7, "Cl": 0.3}),
        ("LI3 CL1 O1", {"Li": 3, "Cl": 1, "O": 1}),
        ("LI3 CO1", {"Li": 3, "Co": 1}),
        ("LiTi2(PO4)3", {"Li": 1, "Ti": 2, "P": 3, "O": 12}),
        ("Li (O H) (H2 O)", {"Li": 1, "O": 2, "H": 3}),
        ("Li Cl, 2(H2 O)", {"Li": 1, "Cl": 1, "H": 4, "O": 2}),
        ("Li 1+, Cl 1-", {"Li": 1, "Cl": 1}),
        ("C2 D6 O", {"C": 2, "H": 6, "O": 1}),
        ("K3ClO", {"K": 3, "Cl": 1, "O": 1}),
        ("Li1-x Co O2", None),
        ("(Li", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_formulas(text, expected):
    assert parse_formula(text) == (expected and pytest.approx(expected))


def test_density_of_rock_salt():
    # LiCl: 4 · (6.94 + 35.45) g/mol / (6.02214e23 · (5.13e-8 cm)³) = 2.0855 g/cm³
    assert density_of({"Li": 4, "Cl": 4}, 5.13**3) == pytest.approx(4 * 42.39 / 0.602214 / 5.13**3, rel=1e-4)
