"""Molecules named by residue or selection, and charges summed over them."""

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.particles import charges_of_species, molecules_of_species
from aiida_elyte.science.trajectory.readers import open_trajectory
from tests.trajectories import N_SALT, lammps_data, write_liquid


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_liquid(tmp_path_factory.mktemp("liquid"))


def with_data(files, data):
    return open_trajectory(files / "litfsi.lammpstrj", topology=data, timestep_fs=1.0)


def test_names_are_elements_selections_or_residues(files):
    trajectory = open_trajectory(files / "litfsi.extxyz", topology=files / "litfsi.gro", timestep_fs=50.0)
    found = molecules_of_species(trajectory, ["Li", "TFSI", "solvent"], {"solvent": "resname G4"})
    assert {name: (len(members), len(members[0])) for name, members in found.items()} == {
        "solvent": (8, 1),
        "TFSI": (N_SALT, 3),
    }
    with pytest.raises(InputError, match=r"residues LI, TFSI, G4 of its topology.*--molecule PF6='SELECTION'"):
        molecules_of_species(trajectory, ["Li", "PF6"], {})


def test_a_selection_needs_a_topology(files):
    trajectory = open_trajectory(files / "litfsi.extxyz", timestep_fs=50.0)
    assert molecules_of_species(trajectory, ["Li"], {}) == {}
    with pytest.raises(InputError, match="--molecule TFSI needs a topology"):
        molecules_of_species(trajectory, [], {"TFSI": "all"})


def test_charges_are_summed_over_molecules(files):
    trajectory = with_data(files, files / "litfsi.data")
    molecules = molecules_of_species(trajectory, [], {"TFSI": "type 2 3"})
    assert charges_of_species(trajectory, molecules) == {"TFSI": -0.99, "Li": 0.99, "O": 0.0}  # -0.59 - 2 × 0.2


def test_charges_that_differ_within_a_species(files, tmp_path):
    lines = lammps_data().splitlines()
    start = lines.index("Atoms # full") + 2
    lines[start] = lines[start].replace(" 0.99 ", " 0.5 ")
    (tmp_path / "uneven.data").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"charges of Li in the topology range from 0\.5 to 0\.99 e"):
        charges_of_species(with_data(files, tmp_path / "uneven.data"), {}, ["Li"])


def test_a_topology_without_charges(files, tmp_path):
    (tmp_path / "bare.data").write_text(lammps_data(charges=None))
    with pytest.raises(InputError, match="carries no charges"):
        charges_of_species(with_data(files, tmp_path / "bare.data"), {})
