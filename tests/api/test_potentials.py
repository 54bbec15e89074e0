"""Potentials from the library: loaded from files and nodes, as calculators, judged by labels."""

import numpy as np
import pytest

pytest.importorskip("torch")

from aiida_elyte.api.potentials import evaluate, find_potentials, load_potential
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.potentials.files import describe_potential
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.storage import save_painn as save_potential
from tests.salt import rattled_salt

SMALL = {"n_features": 4, "n_layers": 1, "n_rbf": 4, "cutoff_A": 3.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two untrained members, which differ in their weights."""
    place = tmp_path_factory.mktemp("potentials")
    for number in range(2):
        save_potential(build_painn(SMALL, energy_reference=["Li", "Cl"], seed=number), place / f"m0{number}.pt")
    return place


@pytest.fixture
def frames():
    return rattled_salt(3, 0.1)


def test_ensemble_computes_the_mean_of_its_members(folder, frames):
    (atoms, *_) = frames
    members = [load_potential(folder / f"m0{number}.pt").calculator().get_forces(atoms) for number in range(2)]
    ensemble = load_potential(folder)
    assert list(ensemble.members) == ["m00", "m01"]
    calculator = ensemble.calculator()
    np.testing.assert_allclose(calculator.get_forces(atoms), np.mean(members, axis=0), atol=1e-6)
    assert calculator.get_property("forces_spread", atoms).shape == (8,)
    assert np.abs(members[0] - members[1]).max() > 1e-4


def test_errors_are_zero_on_labels_that_the_potential_made(folder, frames):
    calculator = load_potential(folder / "m00.pt").calculator()
    for frame in frames:
        attach_labels(frame, energy=calculator.get_potential_energy(frame), forces=calculator.get_forces(frame))
    errors = evaluate(folder / "m00.pt", frames)
    assert errors["ensemble"]["force_mae_eV_A"] < 1e-6
    assert errors["n_frames"] == 3
    both = evaluate(folder, frames)
    assert [member["name"] for member in both["members"]] == ["m00", "m01"]
    first, second = (member["force_mae_eV_A"] for member in both["members"])
    assert first < 1e-6 < second
    assert both["ensemble"]["force_mae_eV_A"] == pytest.approx(second / 2, rel=1e-3)


def test_potentials_are_found_by_node_and_by_pk(folder, aiida_profile, frames):
    from aiida_elyte.data.potential import PotentialData

    file = folder / "m00.pt"
    node = PotentialData(file.read_bytes(), describe_potential(file)).store()
    assert find_potentials(node) == find_potentials(str(node.pk)) == find_potentials(node.uuid) == {"m00": node}
    expected = load_potential(file).calculator().get_forces(frames[0])
    np.testing.assert_array_equal(load_potential(node).calculator().get_forces(frames[0]), expected)
    assert len(find_potentials(folder)) == 2


def test_folders_without_a_potential_and_frames_without_labels_are_rejected(folder, frames, tmp_path):
    with pytest.raises(InputError, match="holds no potential"):
        load_potential(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        load_potential(tmp_path / "m00.pt")
    with pytest.raises(InputError, match="frame 0 has no energy and no forces"):
        evaluate(folder, frames)


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "m00.pt").mkdir()
    with pytest.raises(InputError, match=r"m00\.pt cannot be read \(Is a directory\)"):
        load_potential(tmp_path)
    with pytest.raises(InputError, match=r"does not exist|cannot be read"):
        load_potential(300 * "a")


@pytest.mark.engine("chgnet")
def test_pretrained_potentials_are_found_by_name(aiida_profile, tmp_path, monkeypatch, frames):
    import aiida_elyte as elyte

    monkeypatch.chdir(tmp_path)
    node = elyte.pretrained("chgnet-0.3.0")
    assert (node.family, node.label) == ("chgnet", "chgnet-0.3.0")
    found = find_potentials("chgnet")
    assert list(found) == ["m00"]
    assert found["m00"].get_content(mode="rb") == node.get_content(mode="rb")
    forces = load_potential("chgnet").calculator().get_forces(frames[0])
    assert np.abs(forces).max() > 0.1
    with pytest.raises(InputError, match=r"pretrained potential 'chgnett' is unknown; .*did you mean chgnet"):
        elyte.pretrained("chgnett")


def test_a_folder_goes_before_a_pretrained_potential_of_its_name(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chgnet").symlink_to(folder)
    assert list(load_potential("chgnet").members) == ["m00", "m01"]
