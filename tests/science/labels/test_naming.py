"""Conventions of names and units, each with its number worked out by hand."""

import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.labels.naming import classify, looks_like_label, parse_label_names
from aiida_elyte.science.labels.raw import LeftOut, RawFrame
from aiida_elyte.science.labels.taking import Account, take_labels
from aiida_elyte.science.labels.units import factor_of, length_factor

HARTREE, BOHR, KCAL = 27.211386245988, 0.529177210903, 4184 / (6.02214076e23 * 1.602176634e-19)
FORCES = np.array([[0.1, 0.2, -0.3], [-0.1, -0.2, 0.3]])


def take(info=None, columns=None, given=None, periodic=True):
    atoms = Atoms("LiF", [[0, 0, 0], [2, 2, 2]], cell=np.diag([2.0, 4.0, 5.0]) if periodic else None, pbc=periodic)
    account = Account()
    found = take_labels(RawFrame(3, atoms, info or {}, columns or {}), account, given and parse_label_names(given))
    return found, account


@pytest.mark.parametrize(
    ("energy", "forces"),
    [
        ("energy", "forces"),
        ("REF_energy", "REF_forces"),
        ("dft_energy", "dft_force"),
        ("DFT_energy", "DFT_forces"),
        ("Energy", "Force"),
        ("free_energy", "force"),
        ("total_energy", "forces"),
        ("qm_energy", "qm_forces"),
        ("CASTEP_energy", "CASTEP_forces"),
        ("energy[eV]", "forces[eV/A]"),
        ("energy_eV", "forces_eV_A"),
    ],
)
def test_known_names_give_energy_and_forces(energy, forces):
    frame, account = take({energy: -3.25}, {forces: FORCES})
    assert labels_of(frame)["energy"] == -3.25
    np.testing.assert_array_equal(labels_of(frame)["forces"], FORCES)
    assert dict(account.sources["energy"]) == {energy: 1}
    assert dict(account.sources["forces"]) == {forces: 1}
    assert not account.not_taken


@pytest.mark.parametrize("key", ["virial", "virials", "REF_virials", "dft_virial"])
def test_virial_is_minus_stress_times_volume(key):
    virial = np.array([[0.4, 0.08, 0.12], [0.08, 0.8, 0.16], [0.12, 0.16, 1.2]])
    frame, _ = take({key: virial.ravel()})
    # Volume 2 × 4 × 5 = 40 Å³; order xx yy zz yz xz xy.
    np.testing.assert_allclose(labels_of(frame)["stress"], [-0.01, -0.02, -0.03, -0.004, -0.003, -0.002])


@pytest.mark.parametrize("key", ["stress", "REF_stress", "Stress"])
@pytest.mark.parametrize("shape", [(9,), (3, 3)])
def test_stress_of_nine_values_is_put_in_the_order_of_voigt(key, shape):
    stress = np.array([1, 6, 5, 6, 2, 4, 5, 4, 3]) * 1e-3
    frame, _ = take({key: stress.reshape(shape)})
    np.testing.assert_allclose(labels_of(frame)["stress"], np.array([1, 2, 3, 4, 5, 6]) * 1e-3)


def test_stress_of_six_values_is_taken_as_it_is():
    frame, _ = take({"REF_stress": np.arange(1, 7) * 1e-3})
    np.testing.assert_array_equal(labels_of(frame)["stress"], np.arange(1, 7) * 1e-3)


def test_virial_of_a_molecule_gives_no_stress():
    frame, _ = take({"energy": -1.0, "virial": np.eye(3).ravel()}, periodic=False)
    assert set(labels_of(frame)) == {"energy"}


def test_free_energy_goes_before_energy_and_the_difference_is_told():
    frame, account = take({"energy": -3.0, "free_energy": -3.1}, {"forces": FORCES})
    assert labels_of(frame)["energy"] == -3.1
    (note,) = account.notes
    assert "free_energy and energy differ" in note
    frame, account = take({"energy": -3.0, "free_energy": -3.0})
    assert not account.notes


def test_names_that_disagree_are_rejected_with_both():
    with pytest.raises(InputError, match=r"frame 3 has REF_energy and energy, which differ .* --labels energy=energy"):
        take({"energy": -3.0, "REF_energy": -4.0})
    with pytest.raises(InputError, match="dft_forces and forces"):
        take({}, {"forces": FORCES, "dft_forces": 2 * FORCES})
    with pytest.raises(InputError, match=r"stress and virial|virial and stress"):
        take({"stress": np.eye(3).ravel() * 0.01, "virial": np.eye(3).ravel() * 0.4})


def test_names_that_agree_are_one_label():
    frame, _ = take({"energy": -3.0, "REF_energy": -3.00000001})
    assert labels_of(frame)["energy"] == pytest.approx(-3.0)
    frame, _ = take({"stress": np.eye(3).ravel() * -0.01, "virial": np.eye(3).ravel() * 0.4})
    np.testing.assert_allclose(labels_of(frame)["stress"][:3], -0.01)


def test_a_user_chooses_between_names_that_disagree():
    frame, _ = take({"energy": -3.0, "REF_energy": -4.0}, given="energy=REF_energy")
    assert labels_of(frame)["energy"] == -4.0


def test_names_given_by_a_user_are_taken_with_their_unit():
    frame, account = take({"E": -1.0}, {"F": FORCES}, given="energy=E[Hartree],forces=F[Hartree/Bohr]")
    assert labels_of(frame)["energy"] == pytest.approx(-HARTREE, rel=1e-9)
    np.testing.assert_allclose(labels_of(frame)["forces"], FORCES * HARTREE / BOHR, rtol=1e-9)
    assert dict(account.sources["energy"]) == {"E": 1}


def test_energy_per_atom_is_multiplied_by_the_atoms():
    assert labels_of(take({"energy_per_atom": -2.0})[0])["energy"] == -4.0
    assert labels_of(take({"e_per_atom": -2.0}, given="energy=e_per_atom")[0])["energy"] == -4.0
    assert labels_of(take({"energy": -2.0, "energy_unit": "eV/atom"})[0])["energy"] == -4.0


def test_tags_of_units_convert():
    info = {"energy": -1.0, "energy_unit": "Hartree", "forces_unit": "Hartree/Bohr"}
    frame, _ = take(info, {"forces": FORCES})
    assert labels_of(frame)["energy"] == pytest.approx(-HARTREE, rel=1e-9)
    np.testing.assert_allclose(labels_of(frame)["forces"], FORCES * HARTREE / BOHR, rtol=1e-9)
    assert "energy_unit" not in frame.info


def test_positions_in_bohr_convert():
    frame, _ = take({"pos_unit": "bohr"})
    np.testing.assert_allclose(frame.positions[1], 2 * BOHR)
    np.testing.assert_allclose(frame.cell.array[0, 0], 2 * BOHR)


@pytest.mark.parametrize(
    ("quantity", "text", "factor"),
    [
        ("energy", "eV", 1),
        ("energy", "kcal/mol", KCAL),
        ("energy", "kJ/mol", KCAL / 4.184),
        ("energy", "Ry", HARTREE / 2),
        ("energy", "meV/atom", 7e-3),
        ("forces", "eV/Å", 1),
        ("forces", "eV/Angstrom", 1),
        ("forces", "kcal/mol/A", KCAL),
        ("forces", "kcal/(mol*A)", KCAL),
        ("forces", "Ry/bohr", HARTREE / 2 / BOHR),
        ("forces", "kJ/mol/nm", KCAL / 4.184 / 10),
        ("stress", "eV/A^3", 1),
        ("stress", "GPa", 1 / 160.2176634),
        ("stress", "kbar", 1 / 1602.176634),
        ("stress", "Hartree/Bohr^3", HARTREE / BOHR**3),
        ("virial", "Hartree", HARTREE),
    ],
)
def test_factors_of_units(quantity, text, factor):
    assert factor_of(quantity, text, 7) == pytest.approx(factor, rel=1e-7)


@pytest.mark.parametrize(("quantity", "text"), [("energy", "furlong"), ("forces", "eV"), ("stress", "eV/A")])
def test_units_that_are_not_known_are_rejected(quantity, text):
    with pytest.raises(InputError, match=f"unit of {quantity} is '{text}'"):
        factor_of(quantity, text, 1)
    with pytest.raises(InputError, match="unit"):
        take({"energy": -1.0, "energy_unit": "furlong"})
    with pytest.raises(InputError, match="furlong"):
        classify("energy[furlong]")
    with pytest.raises(InputError, match="unit of length"):
        length_factor("furlong")


@pytest.mark.parametrize(
    "key", ["MACE_energy", "gap_energy", "my_energy", "kinetic_energy", "energy_weight", "E", "step"]
)
def test_predictions_and_unknown_names_are_no_labels(key):
    assert classify(key) is None


def test_what_looks_like_a_label_and_is_not_taken_is_named():
    info = {"energy": -1.0, "MACE_energy": -1.1, "energy_weight": 2.0, "step": 4, "my_stress": np.zeros(9)}
    frame, account = take(info, {"forces": FORCES, "mace_forces": FORCES, "momenta": FORCES})
    assert sorted(account.not_taken) == ["MACE_energy", "mace_forces", "my_stress"]
    assert frame.info["step"] == 4
    assert not looks_like_label("energy_weight")


def test_column_of_three_is_named_where_forces_are_missing():
    _, account = take({"energy": -1.0}, {"gradF": FORCES, "velo": FORCES})
    assert sorted(account.not_taken) == ["gradF"]


@pytest.mark.parametrize(
    ("info", "columns", "reason"),
    [
        ({"energy": "*******"}, {}, "its energy is '*******'"),
        ({"energy": np.array([1.0, 2.0])}, {}, "its energy has the shape (2,), not ()"),
        ({}, {"forces": np.zeros((2, 2))}, "its forces has the shape (2, 2), not (2, 3)"),
        ({"stress": np.zeros(5)}, {}, "its stress has 5 values, not 9 or 6"),
    ],
)
def test_label_that_is_no_number_or_of_another_shape_leaves_its_frame_out(info, columns, reason):
    found, _ = take(info, columns)
    assert isinstance(found, LeftOut)
    assert found.index == 3
    assert found.reason == reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("my_E", "expected LABEL=NAME"),
        ("speed=v", "LABEL one of energy, forces"),
        ("energy=", "expected LABEL=NAME"),
        ("energy=E[furlong]", "unit is not known"),
        ("energy=a,energy=b", "names energy twice"),
        ("stress=a,virial=b", "names stress twice"),
    ],
)
def test_names_that_cannot_be_are_rejected(text, message):
    with pytest.raises(InputError, match=message):
        parse_label_names(text)


def test_info_with_line_breaks_and_odd_names_fits_a_header():
    frame, _ = take({"a b": 1, "note": "one\ntwo", "array": np.zeros(3)})
    assert frame.info == {"a_b": 1, "note": "one two"}
