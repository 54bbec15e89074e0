"""POSCARs by their own rules, and as ASE reads those that keep to them."""

import io

import numpy as np
import pytest
from ase.io import read, write
from ase.spacegroup import crystal

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal_files.poscar import read_poscar

CELL = "5 0 0\n0 5 0\n0 0 5"
TEXT = "comment\n{scale}\n" + CELL + "\nLi Cl\n1 1\n{mode}\n0 0 0\n.5 .5 .5\n"


def text(scale="1.0", mode="Direct"):
    return TEXT.format(scale=scale, mode=mode).encode()


@pytest.mark.parametrize("is_direct", [True, False])
def test_a_triclinic_crystal_is_as_ase_reads_it(is_direct):
    expected = crystal(("Li", "S"), [(0.1, 0.2, 0.3), (0.6, 0.7, 0.9)], spacegroup=2, cellpar=(5, 6, 7, 80, 95, 100))
    file = io.StringIO()
    write(file, expected, format="vasp", direct=is_direct, sort=True)
    found = read_poscar(file.getvalue().encode()).atoms
    oracle = read(io.StringIO(file.getvalue()), format="vasp")
    assert found.get_chemical_symbols() == oracle.get_chemical_symbols()
    np.testing.assert_allclose(found.positions, oracle.positions, atol=1e-10)
    np.testing.assert_allclose(found.cell, oracle.cell, atol=1e-12)


def test_negative_scale_is_the_volume():
    # 5³ = 125 Å³ scaled to 216 Å³ is a cube of 6 Å.
    found = read_poscar(text(scale="-216")).atoms
    np.testing.assert_allclose(found.cell.lengths(), 6.0)
    np.testing.assert_allclose(found.positions[1], 3.0)


def test_scale_holds_for_cartesian_positions_too():
    found = read_poscar(text(scale="2.0", mode="Cartesian")).atoms
    np.testing.assert_allclose(found.cell.lengths(), 10.0)
    np.testing.assert_allclose(found.positions[1], 1.0)


def test_three_scales():
    np.testing.assert_allclose(read_poscar(text(scale="1 2 3")).atoms.cell.lengths(), [5, 10, 15])


def test_selective_dynamics_velocities_and_names_of_potentials():
    content = text().replace(b"Direct\n0 0 0\n", b"Selective dynamics\nDirect\n0 0 0 F F F\n")
    content = content.replace(b"Li Cl", b"Li_sv/0a1b Cl") + b"\n0 0 0\n0 0 0\n"
    found = read_poscar(content)
    assert found.atoms.get_chemical_formula() == "ClLi"
    assert found.notes == ("constraints of selective dynamics are left out",)


def test_vasp_4_names_elements_in_the_comment_or_not_at_all():
    without = text().replace(b"Li Cl\n", b"")
    found = read_poscar(without.replace(b"comment", b"Li Cl"))
    assert found.atoms.get_chemical_symbols() == ["Li", "Cl"]
    assert "those of the comment line" in found.notes[0]
    with pytest.raises(InputError, match=r"names no elements, as of VASP 4 \(2 kinds of atoms, comment 'comment'\)"):
        read_poscar(without)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b".5 .5 .5", b".5-.5 .5", "line 10 is '.5-.5 .5'; expected a position"),
        (b".5 .5 .5", b".5 .5 ****", "line 10"),
        (b"\n.5 .5 .5", b"", "holds 1 positions for 2 atoms"),
        (b"1 1", b"1 1 1", "3 counts for 2 elements"),
        (b"1 1", b"1 x", "line 7"),
        (b"Li Cl", b"Li Qq", "names 'Qq'"),
        (b"Direct", b"0 0 0", "expected Direct or Cartesian"),
        (b"1.0", b"0", "scale is '0'; expected one number"),
        (b"0 5 0", b"0 nan 0", "line 4 is '0 nan 0'; expected a vector"),
    ],
)
def test_what_a_line_lacks_is_told_by_its_number(old, new, message):
    with pytest.raises(InputError, match=message.replace("*", r"\*")) as refusal:
        read_poscar(text().replace(old, new, 1))
    assert "\n" not in str(refusal.value)
