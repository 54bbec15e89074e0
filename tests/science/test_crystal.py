import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.crystal import (
    check_structure,
    require_charges,
    require_temperatures,
)


def test_occupancy_left_by_ase_in_info_is_refused():
    atoms = bulk("LiCl", "rocksalt", a=5.13)
    atoms.info["occupancy"] = {"0": {"Li": 0.5}, "1": {"Cl": 1.0}}
    with pytest.raises(InputError, match=r"kind 0 \(Li 0\.5\)"):
        check_structure(atoms, "given atoms")


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
