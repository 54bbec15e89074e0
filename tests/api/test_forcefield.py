"""Force fields from the library: found again from labels they made, kept in folders, exported."""

import json

import pytest

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
