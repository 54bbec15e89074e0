from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.evaluation import energies, forces
from aiida_elyte.science.forcefield.model import BONDED
from aiida_elyte.science.forcefield.terms.nonbonded import COULOMB_KCAL_MOL_A
from aiida_elyte.science.lammps.system import CoefficientRows, data_file, input_file
from tests.science.forcefield.molecules import MOLECULES, model_of, random_system
from tests.science.lammps.lammps_oracle import ENERGIES, ask_lammps


@pytest.fixture
def system():
    return random_system(MOLECULES["li_dme_tfsi"], np.random.default_rng(1))


@pytest.mark.engine("lmp")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", sorted(MOLECULES))
def test_energies_and_forces_are_those_of_lammps(name, seed, tmp_path):
    system = random_system(MOLECULES[name], np.random.default_rng(seed))
    expected, expected_forces = ask_lammps(system, tmp_path)
    model = model_of(system)
    for name, energy in zip(ENERGIES, energies(*model)[:, 0].tolist(), strict=True):
        assert energy == pytest.approx(expected[name], rel=1e-9, abs=1e-12), name
    found = forces(*model)[0].numpy()
    np.testing.assert_allclose(found, expected_forces, rtol=0, atol=1e-9 * abs(expected_forces).max())


@pytest.mark.engine("lmp")
def test_ions_without_a_bond_are_a_system_too(tmp_path):
    system = random_system(Atoms("Li2", [[0, 0, 0], [0, 0, 3]]), np.random.default_rng(1))
    expected, expected_forces = ask_lammps(system, tmp_path)
    assert expected["ebond"] == 0
    model = model_of(system)
    assert energies(*model).sum().item() == pytest.approx(expected["evdwl"] + expected["ecoul"], rel=1e-12)
    np.testing.assert_allclose(forces(*model)[0].numpy(), expected_forces, rtol=1e-12)


@pytest.mark.engine("lmp")
@pytest.mark.parametrize(("tilt_A", "tolerance"), [(0.0, 5e-3), (9.0, 2e-2)])
def test_a_large_box_holds_what_the_cluster_holds(tilt_A, tolerance, tmp_path):
    system = random_system(MOLECULES["dme"], np.random.default_rng(5))
    length_A = 45.0
    cell = length_A * np.eye(3)
    cell[1, 0] = cell[2, 1] = tilt_A
    # The molecule lies around the origin, across the boundary.
    box = replace(system, charges=system.charges - system.charges.mean(), cell=cell)
    found, found_forces = ask_lammps(box, tmp_path, cutoff_A=14.0, kspace_accuracy=1e-7)
    model = model_of(box)
    expected = dict(zip(ENERGIES, energies(*model)[:, 0].tolist(), strict=True))
    for name in ("ebond", "eangle", "edihed", "eimp"):
        assert found[name] == pytest.approx(expected[name], rel=1e-9), name
    # The images of a dipole μ act as the field 4πμ/3V of a cavity, exactly so in a cubic box.
    dipole = box.charges @ box.positions
    field = COULOMB_KCAL_MOL_A * 4 * np.pi / (3 * length_A**3) * dipole
    assert found["ecoul"] + found["elong"] == pytest.approx(expected["ecoul"] - dipole @ field / 2, abs=tolerance)
    cluster_forces = forces(*model)[0].numpy()
    expected_forces = cluster_forces + box.charges[:, None] * field
    np.testing.assert_allclose(found_forces, expected_forces, atol=tolerance)


def test_sections_hold_what_the_header_counts(system):
    text = data_file(system)
    sections, header = _parse(text)
    n_types = {kind: len(getattr(system, kind).parameters) for kind in BONDED}
    expected = {"Masses": (5 + 2, 1), "Pair Coeffs": (5 + 2, 2), "Atoms": (32, 9 - 3)}
    expected |= {
        kind.capitalize(): (len(getattr(system, kind).types), 1 + width)
        for kind, width in zip(BONDED, (2, 3, 4, 4), strict=True)
    }
    widths = {
        "bonds": {"Bond": 4},
        "angles": {"Angle": 4, "BondBond": 3, "BondAngle": 4},
        "dihedrals": {
            "Dihedral": 6, "MiddleBondTorsion": 4, "EndBondTorsion": 8,
            "AngleTorsion": 8, "AngleAngleTorsion": 3, "BondBond13": 3,
        },
        "impropers": {"Improper": 2, "AngleAngle": 6},
    }  # fmt: skip
    for kind, parts in widths.items():
        expected |= {f"{part} Coeffs": (n_types[kind], width) for part, width in parts.items()}
    assert {name: (len(rows), len(rows[0]) - 1) for name, rows in sections.items()} == expected
    for name, rows in sections.items():
        assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1)), name
    assert header["atoms"] == 32
    assert header["atom types"] == len(system.elements)
    for kind in BONDED:
        assert header[kind] == len(getattr(system, kind).types)
        assert header[f"{kind[:-1]} types"] == n_types[kind]
        numbers = np.array(sections[kind.capitalize()], dtype=int)
        np.testing.assert_array_equal(numbers[:, 1] - 1, getattr(system, kind).types)
        np.testing.assert_array_equal(numbers[:, 2:] - 1, getattr(system, kind).atoms)


def test_numbers_keep_all_their_digits(system):
    sections, _ = _parse(data_file(system))
    np.testing.assert_array_equal(np.array(sections["Atoms"], dtype=float)[:, 4:], system.positions)
    np.testing.assert_array_equal(np.array(sections["Atoms"], dtype=float)[:, 3], system.charges)
    np.testing.assert_array_equal(np.array(sections["Bond Coeffs"], dtype=float)[:, 1:], system.bonds.parameters)
    degrees = np.array(sections["Angle Coeffs"], dtype=float)[:, 1]
    np.testing.assert_allclose(np.radians(degrees), system.angles.parameters[:, 0], rtol=1e-15)


def test_kinds_without_rows_have_no_style_and_no_section():
    system = random_system(MOLECULES["pf6"], np.random.default_rng(1))
    text = data_file(system)
    assert "0 dihedrals" in text
    assert "0 improper types" in text
    assert "Dihedral Coeffs" not in text
    assert "dihedral_style" not in input_file(system, "x.data")
    assert "angle_style class2" in input_file(system, "x.data")


def test_row_of_an_unknown_type_is_refused(system):
    bonds = CoefficientRows(system.bonds.atoms, system.bonds.types + 1, system.bonds.parameters)
    with pytest.raises(InputError, match="types of bonds runs from 1 to 4; expected 0 to 3"):
        replace(system, bonds=bonds)


def test_parameters_of_another_term_are_refused(system):
    with pytest.raises(InputError, match=r"parameters of bonds has shape \(2, 9\); expected \(2, 4\)"):
        replace(system, bonds=CoefficientRows(system.bonds.atoms, system.bonds.types, np.zeros((2, 9))))


def test_value_that_is_not_finite_is_refused(system):
    with pytest.raises(InputError, match="charges holds a value that is not finite"):
        replace(system, charges=np.full(32, np.nan))


def test_cell_that_lammps_cannot_hold_is_refused(system):
    with pytest.raises(InputError, match="expected lower triangular"):
        replace(system, cell=np.array([[0.0, 9.0, 9.0], [9.0, 0.0, 9.0], [9.0, 9.0, 0.0]]))


def _parse(text):
    """Return rows of words by section, and the counts of the header."""
    sections, header, title = {}, {}, None
    for line in text.splitlines()[1:]:
        words = line.split("#")[0].split()
        if not words or words[-1].endswith("hi"):
            continue
        if words[0][0].isalpha():
            title = " ".join(words)
            sections[title] = []
        elif title is None:
            header[" ".join(words[1:])] = int(words[0])
        else:
            sections[title].append(words)
    return sections, header


@pytest.mark.parametrize("name", ["dme", "li_dme_tfsi"])
def test_pymatgen_reads_the_data_file_back(name, tmp_path):
    """An independent reader finds every section, with the numbers to its 6 decimals."""
    reader = pytest.importorskip("pymatgen.io.lammps.data")
    system = random_system(MOLECULES[name], np.random.default_rng(3))
    (tmp_path / "system.data").write_text(data_file(system))
    found = reader.LammpsData.from_file(str(tmp_path / "system.data"), atom_style="full")
    np.testing.assert_allclose(found.masses["mass"], system.masses, atol=1e-6)
    atoms = found.atoms.sort_index()
    np.testing.assert_array_equal(atoms["molecule-ID"], system.molecules + 1)
    np.testing.assert_array_equal(atoms["type"], system.atom_types + 1)
    np.testing.assert_allclose(atoms["q"], system.charges, atol=1e-6)
    np.testing.assert_allclose(atoms[["x", "y", "z"]], system.positions, atol=1e-6)
    np.testing.assert_allclose(found.force_field["Pair Coeffs"], system.lennard_jones, atol=1e-6)
    for kind, title in (
        ("bonds", "Bonds"),
        ("angles", "Angles"),
        ("dihedrals", "Dihedrals"),
        ("impropers", "Impropers"),
    ):
        rows = getattr(system, kind)
        np.testing.assert_array_equal(found.topology[title], np.column_stack([rows.types, rows.atoms]) + 1)
    expected = {
        "Bond Coeffs", "Angle Coeffs", "BondBond Coeffs", "BondAngle Coeffs", "Dihedral Coeffs",
        "MiddleBondTorsion Coeffs", "EndBondTorsion Coeffs", "AngleTorsion Coeffs", "AngleAngleTorsion Coeffs",
        "BondBond13 Coeffs", "Improper Coeffs", "AngleAngle Coeffs", "Pair Coeffs",
    }  # fmt: skip
    assert set(found.force_field) == expected
    np.testing.assert_allclose(found.force_field["Bond Coeffs"], system.bonds.parameters, atol=1e-6)
    angles = system.angles.parameters.copy()
    angles[:, 0] = np.degrees(angles[:, 0])
    np.testing.assert_allclose(found.force_field["Angle Coeffs"], angles[:, :4], atol=1e-6)
    np.testing.assert_allclose(found.force_field["BondBond Coeffs"], angles[:, [4, 7, 8]], atol=1e-6)
    np.testing.assert_allclose(found.force_field["BondAngle Coeffs"], angles[:, 5:9], atol=1e-6)
    dihedrals = system.dihedrals.parameters
    np.testing.assert_allclose(found.force_field["BondBond13 Coeffs"], dihedrals[:, [22, 23, 25]], atol=1e-6)
