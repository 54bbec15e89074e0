import numpy as np
import pytest
from aiida import orm
from ase import Atoms

from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels, labels_of


def labelled(seed=0, level="EMT"):
    rng = np.random.default_rng(seed)
    atoms = Atoms("Li2S", rng.random((3, 3)) * 4, cell=rng.random((3, 3)) + 5 * np.eye(3), pbc=True)
    atoms.info = {"origin": f"seed-{seed}#0", "level_of_theory": level, "temperature_K": 300.5}
    return attach_labels(
        atoms,
        energy=rng.normal(),
        forces=rng.normal(size=(3, 3)),
        stress=rng.normal(size=6),
        charges=rng.normal(size=3),
    )


@pytest.fixture(autouse=True)
def profile(aiida_profile_clean):
    return aiida_profile_clean


def test_round_trip_is_exact():
    frames = [labelled(seed) for seed in range(4)]
    found = orm.load_node(FramesData(frames).store().pk).get_frames()
    for given, got in zip(frames, found, strict=True):
        np.testing.assert_allclose(got.positions, given.positions, atol=5.1e-9, rtol=0)
        np.testing.assert_allclose(got.cell.array, given.cell.array, atol=5.1e-9, rtol=0)
        for key, value in labels_of(given).items():
            np.testing.assert_array_equal(labels_of(got)[key], value)
        assert got.info == given.info
        assert got.pbc.all()


def test_second_round_trip_changes_nothing():
    node = FramesData([labelled()])
    assert FramesData(node.get_frames()).get_content() == node.get_content()


def test_noise_below_the_rounding_keeps_the_hash():
    frame = labelled()
    noisy = frame.copy()
    noisy.positions += 1e-12
    noisy = attach_labels(noisy, **labels_of(frame))
    assert FramesData([frame]).store().base.caching.get_hash() == FramesData([noisy]).store().base.caching.get_hash()
    noisy.positions += 1e-6
    assert (
        FramesData([frame]).store().base.caching.get_hash()
        != FramesData([attach_labels(noisy)]).store().base.caching.get_hash()
    )


def test_attributes_can_be_queried():
    FramesData([labelled(), labelled(1)]).store()
    FramesData([Atoms("NaCl", [[0, 0, 0], [2, 0, 0]])]).store()
    query = orm.QueryBuilder().append(
        FramesData, filters={"attributes.elements": {"contains": ["Li"]}, "attributes.labels": {"contains": ["stress"]}}
    )
    (node,) = query.all(flat=True)
    assert node.base.attributes.get("count") == len(node) == 2
    assert node.base.attributes.get("levels_of_theory") == ["EMT"]
    assert node.base.attributes.get("blocks") == {"seed-0": 1, "seed-1": 1}
    assert node.is_labelled


def test_set_with_one_unlabelled_frame_is_not_labelled():
    assert not FramesData([labelled(), Atoms("Li2S", np.eye(3))]).is_labelled


def test_empty_set_is_refused():
    with pytest.raises(InputError, match="at least one frame"):
        FramesData([])


def test_molecule_without_cell_survives():
    (found,) = FramesData([Atoms("LiF", [[0, 0, 0], [1.6, 0, 0]])]).get_frames()
    assert not found.pbc.any()
    assert not found.cell.any()
