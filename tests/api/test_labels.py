"""Labelled frames read by the library: names, levels of theory, and what is rejected."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.io import write

from aiida_elyte.api.labels import read_clusters, read_importable, read_labelled_frames, require_trainable
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels, labels_of, write_frames
from aiida_elyte.units import HARTREE_EV
from tests.salt import rattled_salt


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    return [
        attach_labels(frame, energy=-1.0 - seed, forces=rng.normal(size=(8, 3)))
        for seed, frame in enumerate(rattled_salt(4))
    ]


def test_frames_of_a_file_get_their_place_as_origin_and_clusters_stay_without(frames, tmp_path):
    write_frames(frames, tmp_path / "one.extxyz")
    read = read_labelled_frames(tmp_path / "one.extxyz")
    assert [frame.info["origin"] for frame in read.frames] == [f"one.extxyz#{i}" for i in range(4)]
    assert all("origin" not in frame.info for frame in read_clusters(tmp_path / "one.extxyz").frames)
    assert read.name == str(tmp_path / "one.extxyz")


def test_labels_are_taken_by_the_names_and_units_that_are_given(frames, tmp_path):
    for frame in frames:
        energy = frame.calc.results["energy"]
        frame.arrays["my_f"] = frame.calc.results["forces"]
        frame.calc = None
        frame.info["my_e"] = energy / HARTREE_EV
    path = tmp_path / "named.extxyz"
    write(path, frames)
    read = read_labelled_frames(path, labels="energy=my_e[Hartree],forces=my_f")
    assert [labels_of(frame)["energy"] for frame in read.frames] == pytest.approx([-1, -2, -3, -4])
    assert read.sources == {"energy": {"my_e": 4}, "forces": {"my_f": 4}}


def test_frames_in_memory_keep_what_their_calculator_has_computed():
    atoms = bulk("Ar", a=5.3, cubic=True)
    atoms.rattle(0.1, seed=0)
    atoms.calc = LennardJones(sigma=3.4, epsilon=0.0104)
    forces = atoms.get_forces()
    (found,) = read_labelled_frames([atoms]).frames
    np.testing.assert_array_equal(labels_of(found)["forces"], forces)


def test_level_of_theory_is_for_frames_that_state_none(frames, tmp_path):
    frames[0].info["level_of_theory"] = "PBE0"
    write_frames(frames, tmp_path / "one.extxyz")
    read = read_labelled_frames(tmp_path / "one.extxyz", level_of_theory="PBE")
    assert [frame.info["level_of_theory"] for frame in read.frames] == ["PBE0", "PBE", "PBE", "PBE"]
    assert "which is kept" in read.warnings[-1]


def test_a_set_to_import_states_one_level(frames, tmp_path):
    path = tmp_path / "one.extxyz"
    write_frames(frames, path)
    with pytest.raises(InputError, match="states no level of theory"):
        read_importable([path])
    (read,) = read_importable([path], level_of_theory="PBE")
    assert len(read.frames) == 4
    others = [frame.copy() for frame in read.frames]
    for frame, labelled in zip(others, read.frames, strict=True):
        attach_labels(frame, **labels_of(labelled)).info["level_of_theory"] = "GFN1-xTB"
    with pytest.raises(InputError, match="mixes levels of theory"):
        read_importable([read, others])
    with pytest.raises(InputError, match="mixes levels of theory"):
        require_trainable([*read.frames, *others])
    require_trainable([*read.frames, *others], allow_mixed_levels=True)


def test_bare_geometries_are_imported_only_if_said(frames, tmp_path):
    for frame in frames:
        frame.calc = None
    write_frames(frames, tmp_path / "bare.extxyz")
    with pytest.raises(InputError, match="no frame has a label under a known name"):
        read_importable([tmp_path / "bare.extxyz"])
    assert len(read_importable([tmp_path / "bare.extxyz"], unlabelled=True)[0].frames) == 4
    with pytest.raises(InputError, match="frame 0 has no energy"):
        read_labelled_frames(frames, required=("energy",))


def test_no_frames_are_rejected():
    with pytest.raises(InputError, match="the given frames are missing"):
        read_labelled_frames([])


def test_names_of_labels_are_rejected_beside_frames_and_taken_beside_a_file(tmp_path):
    frames = rattled_salt(2)
    for one in frames:
        one.info = {"my_e": -1.0}
        one.arrays["my_f"] = one.positions
    write(tmp_path / "named.extxyz", frames, format="extxyz")
    names = "energy=my_e,forces=my_f"
    for call in (
        lambda: read_labelled_frames(frames, labels=names),
        lambda: read_clusters(frames, names),
        lambda: read_importable([frames, frames], labels=names),
    ):
        with pytest.raises(InputError, match="`labels` is given beside frames"):
            call()
    labelled = read_labelled_frames(tmp_path / "named.extxyz", labels=names, level_of_theory="PBE")
    both = read_importable([labelled, tmp_path / "named.extxyz"], labels=names, level_of_theory="PBE")
    assert [len(one.frames) for one in both] == [2, 2]
