"""Force fields from the library: found again from labels they made, kept in folders, exported."""

import json
from dataclasses import replace

import pytest
from ase.io import write

from aiida_elyte.api.forcefield import fit_force_field, load_force_field
from aiida_elyte.errors import InputError
from tests.water import K_BOND, R0_A, water


@pytest.fixture(scope="module")
def frames():
    return [water(seed) for seed in range(30)]


@pytest.fixture(scope="module")
def fitted(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    told = []
    found = fit_force_field(frames, folder=folder, terms="class1", seed=3, members=1, progress=told.append)
    return found, folder, told


def test_the_bond_that_made_the_labels_is_found(fitted):
    content = json.loads(fitted[0].force_field.to_json())
    (bond,) = content["bonds"].values()
    assert bond["k2"] == pytest.approx(K_BOND, rel=1e-2)
    assert bond["r0"] == pytest.approx(R0_A, abs=1e-3)


def test_shares_are_those_of_the_split_and_errors_those_of_the_frames_held_back(fitted):
    found, _, told = fitted
    assert len(found.test) == found.errors["overall"]["n_frames"] == 6
    assert found.evaluate(found.test) == found.errors
    assert told[0].startswith("step 0: train")
    assert told[-1] == "member 0 of 1: forcefield_00.json"


def test_what_is_in_the_folder_is_what_was_returned(fitted, tmp_path):
    found, folder, _ = fitted
    loaded = load_force_field(folder)
    assert loaded.force_field.to_json() == found.force_field.to_json()
    assert [one.to_json() for one in loaded.members] == [one.to_json() for one in found.members]
    found.save(tmp_path)
    names = ("forcefield.json", "forcefield_00.json", "test.extxyz")
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    for name in names:
        assert (tmp_path / name).read_text() == (folder / name).read_text()


def test_nothing_is_written_without_a_folder(frames, fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = fit_force_field(frames, terms="class1", seed=3)
    assert list(tmp_path.iterdir()) == []
    assert again.force_field.to_json() == fitted[0].force_field.to_json()


def test_molecules_are_exported_for_lammps(fitted, tmp_path):
    system = fitted[0].export(tmp_path / "two", "O.O")
    assert len(system.positions) == 6
    assert "6 atoms" in (tmp_path / "two" / "system.data").read_text()
    with pytest.raises(InputError, match="force field lacks"):
        fitted[0].export(tmp_path, "CO")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": (60, 40)}, "expected shares of train"),
        ({"split": (0, 50, 50)}, "expected shares of train"),
        ({"typing": "fuzzy"}, "typing is 'fuzzy'; expected discrete or continuous"),
        ({"resume": True}, "no folder is given"),
        ({"resume": True, "typing": "continuous"}, "expected discrete; fit anew"),
    ],
)
def test_settings_that_cannot_be_are_rejected(frames, options, said):
    with pytest.raises(InputError, match=said):
        fit_force_field(frames, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"energy_error": 1.0}, "energ"),
        ({"energy_error": float("nan")}, "energy_error is nan"),
        ({"charge_scale": float("inf")}, "charge_scale is inf"),
        ({"charge_scale": -1}, "charge_scale is -1; expected a positive number from 0.01 to 10"),
        ({"charge_scale": 1e300}, r"charge_scale is 1e\+300"),
        ({"terms": "class3"}, "terms is 'class3'"),
        ({"members": -1}, "members is -1"),
        ({"members": 100}, "members is above 99"),
        ({"seed": -1}, "seed is -1"),
        ({"split": (60, float("nan"), 20)}, "expected shares of train"),
        ({"bootstrap": "no"}, "bootstrap is 'no'; expected true or false"),
        ({"project_net_force": "no"}, "project_net_force is 'no'; expected true or false"),
        ({"resume": "no"}, "resume is 'no'; expected true or false"),
    ],
)
def test_a_fit_that_cannot_be_leaves_an_earlier_one_as_it_was(frames, tmp_path, options, said):
    for name in ("forcefield.json", "forcefield_00.json", "network.pt", "test.extxyz"):
        (tmp_path / name).write_text(f"earlier {name}")
    with pytest.raises(InputError, match=said):
        fit_force_field(frames, folder=tmp_path, **options)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: f"earlier {name}" for name in ("forcefield.json", "forcefield_00.json", "network.pt", "test.extxyz")
    }


def test_a_fit_replaces_network_and_members_of_an_earlier_one(frames, fitted, tmp_path):
    stale = ("forcefield_00.json", "forcefield_07.json", "network.pt")
    for call in (
        lambda: fit_force_field(frames, folder=tmp_path, terms="class1", seed=3),
        lambda: replace(fitted[0], members=()).save(tmp_path),
    ):
        for name in stale:
            (tmp_path / name).touch()
        call()
        assert {path.name for path in tmp_path.iterdir()} == {"forcefield.json", "test.extxyz"}


def test_a_fit_does_not_overwrite_the_frames_it_reads(frames, tmp_path):
    path = tmp_path / "test.extxyz"
    write(path, frames, format="extxyz")
    before = path.read_text()
    with pytest.raises(InputError, match=r"test\.extxyz is read too"):
        fit_force_field(path, folder=tmp_path)
    assert path.read_text() == before


def test_a_file_as_folder_is_rejected_before_the_fit(frames, fitted, tmp_path):
    (tmp_path / "text.txt").write_text("mine")
    for call in (
        lambda: fit_force_field(frames, folder=tmp_path / "text.txt"),
        lambda: fitted[0].save(tmp_path / "text.txt"),
    ):
        with pytest.raises(InputError, match=r"cannot be written \(Not a directory\)"):
            call()


def test_a_network_that_cannot_be_read_is_rejected(fitted, tmp_path):
    fitted[0].save(tmp_path)
    (tmp_path / "network.pt").mkdir()
    with pytest.raises(InputError, match=r"network\.pt cannot be read"):
        load_force_field(tmp_path)
