"""Bad input ends in one line and exit code 2, before anything is submitted."""

import pytest


def test_unreadable_structure(refuse, tmp_path):
    path = tmp_path / "noise.cif"
    path.write_text("no crystal\n")
    line = refuse("launch", "crystal", path, "--charges", "Li=1")
    assert str(path) in line
    assert ": )" not in line


def test_folder_for_a_structure(refuse, tmp_path):
    assert "is a folder" in refuse("launch", "crystal", tmp_path, "--charges", "Li=1")


def test_empty_structure(refuse, tmp_path):
    path = tmp_path / "empty.cif"
    path.touch()
    assert "is empty" in refuse("launch", "crystal", path, "--charges", "Li=1")


def test_missing_structure(refuse, tmp_path):
    assert "does not exist" in refuse("launch", "crystal", tmp_path / "none.cif", "--charges", "Li=1")


def test_partial_occupancies(refuse, tmp_path, cif):
    path = tmp_path / "partial.cif"
    path.write_text(cif.read_text().replace("1.0000", "0.5000", 1))
    assert "partially occupied" in refuse("launch", "crystal", path, "--charges", "Li=1")


def test_overlapping_atoms(refuse, tmp_path, crystal):
    path = tmp_path / "overlap.extxyz"
    atoms = crystal.copy()
    atoms.positions[1] = atoms.positions[0] + 0.1
    atoms.write(path)
    assert "overlapping atoms" in refuse("launch", "crystal", path, "--charges", "Li=1")


def test_missing_charges(refuse, cif):
    line = refuse("launch", "crystal", cif)
    assert "--charges is missing; expected the charge of each mobile species in e; add e.g. Li=1" in line


def test_charges_that_are_not_neutral(refuse, cif):
    assert "sum to -4 e" in refuse("launch", "crystal", cif, "--charges", "Li=1,Cl=-2")


@pytest.mark.parametrize(
    ("word", "said"), [("Li", "NAME=VALUE"), ("Li=one", "number"), ("Na=1", "not in the structure")]
)
def test_unusable_charges(refuse, cif, word, said):
    assert said in refuse("launch", "crystal", cif, "--charges", word)


@pytest.mark.parametrize("value", ["0", "-300"])
def test_temperature_not_positive(refuse, cif, value):
    line = refuse("launch", "crystal", cif, "--charges", "Li=1", "--temperature-K", value)
    assert "--temperature-K" in line
    assert "positive" in line


def test_temperature_that_is_no_number(refuse, cif):
    line = refuse("launch", "crystal", cif, "--charges", "Li=1", "--temperature-K", "abc")
    assert "'--temperature-K': 'abc'" in line


def test_unknown_labeller_names_close_ones(refuse, cif):
    line = refuse("launch", "crystal", cif, "--charges", "Li=1", "--labeller", "asee")
    assert "'asee' is unknown" in line
    assert "did you mean ase?" in line


def test_training_on_unlabelled_frames(refuse, frames_file, tmp_path):
    path = frames_file(labelled=False)
    assert "frame 0 has no energy and no forces" in refuse("train", path, "--out", tmp_path / "out")


def test_training_on_mixed_levels(refuse, frames_file, tmp_path):
    data = [frames_file("a.extxyz", level="PBE"), frames_file("b.extxyz", level="GFN1-xTB")]
    line = refuse("train", *data, "--out", tmp_path / "out")
    assert "mixes levels of theory" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("option", "value"), [("--members", "0"), ("--max-minutes", "-1"), ("--max-in-flight", "0")])
def test_training_with_no_budget(refuse, frames_file, tmp_path, option, value):
    assert option in refuse("train", frames_file(), "--out", tmp_path / "out", option, value)


def test_missing_data(refuse, tmp_path):
    assert "does not exist" in refuse("train", tmp_path / "none.extxyz", "--out", tmp_path / "out")


def test_importing_labels_of_unknown_level(refuse, frames_file):
    assert "--level-of-theory" in refuse("import", frames_file(level=None))


def test_importing_a_broken_file(refuse, tmp_path):
    path = tmp_path / "broken.extxyz"
    path.write_text("2\nLattice=\nLi 0 0\n")
    assert "cannot be read" in refuse("import", path)


def test_evaluating_without_potentials(refuse, frames_file, tmp_path):
    assert "holds no potential" in refuse("evaluate", tmp_path, frames_file())


def test_evaluating_without_labels(refuse, frames_file, tmp_path):
    assert "has no energy" in refuse("evaluate", tmp_path, frames_file(labelled=False))


@pytest.mark.parametrize("overrides", ["- a list\n", "a: [\n"])
def test_overrides_that_are_no_mapping(refuse, cif, tmp_path, overrides):
    path = tmp_path / "overrides.yaml"
    path.write_text(overrides)
    assert str(path) in refuse("launch", "crystal", cif, "--charges", "Li=1", "--overrides", path)
