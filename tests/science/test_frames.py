import io

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import (
    attach_committee,
    attach_labels,
    block_of,
    committee_of,
    content_hash,
    describe,
    drop_committee,
    fingerprint,
    first_frames,
    labels_of,
    level_of,
    read_frames,
    require_labels,
    round_frame,
    write_frames,
)


def frame(n=3, seed=0, labels=("energy", "forces", "stress", "charges"), periodic=True, **info):
    rng = np.random.default_rng(seed)
    cell = rng.normal(0, 1, (3, 3)) + 6 * np.eye(3) if periodic else None
    atoms = Atoms(
        "LiPS"[: 2 * n] if n < 3 else f"Li{n - 2}PS", positions=rng.random((n, 3)) * 6, cell=cell, pbc=periodic
    )
    values = {
        "energy": rng.normal() * 1e3,
        "forces": rng.normal(size=(n, 3)),
        "stress": rng.normal(size=6) * 1e-3,
        "charges": rng.normal(size=n),
    }
    atoms.info.update(info)
    return attach_labels(atoms, **{name: values[name] for name in labels}) if labels else atoms


@pytest.mark.parametrize("n", [3, 4, 17])
@pytest.mark.parametrize(
    "labels",
    [(), ("energy",), ("energy", "forces"), ("energy", "forces", "stress"), ("energy", "forces", "stress", "charges")],
)
def test_file_keeps_every_digit(tmp_path, n, labels):
    given = [frame(n, seed, labels, origin=f"b{seed}#{seed}") for seed in range(3)]
    write_frames(given, tmp_path / "frames.extxyz")
    for before, after in zip(given, read_frames(tmp_path / "frames.extxyz"), strict=True):
        assert before.get_chemical_symbols() == after.get_chemical_symbols()
        np.testing.assert_array_equal(before.positions, after.positions)
        np.testing.assert_array_equal(before.cell.array, after.cell.array)
        assert (after.pbc == before.pbc).all()
        assert before.info == after.info
        found, expected = labels_of(after), labels_of(before)
        assert set(found) == set(labels)
        for name in labels:
            np.testing.assert_array_equal(found[name], expected[name])


def test_what_a_committee_says_survives_and_is_no_label(tmp_path):
    given = frame(5, 1, ("energy",), origin="r0#5")
    forces, spread = np.random.default_rng(0).normal(size=(5, 3)), np.linspace(0.0, 0.4, 5)
    attach_committee(given, forces, spread)
    (found,) = read_frames(io.StringIO(write_frames([round_frame(given)])))
    np.testing.assert_allclose(committee_of(found)[0], forces, atol=5.1e-6, rtol=0)
    np.testing.assert_allclose(committee_of(found)[1], spread, atol=5.1e-6, rtol=0)
    assert list(labels_of(found)) == ["energy"]
    assert write_frames([found]) == write_frames([round_frame(given)])
    before = fingerprint([found]), content_hash([found])
    assert committee_of(drop_committee(found)) is None
    assert fingerprint([found]) == before[0]
    assert content_hash([found]) != before[1]


@pytest.mark.parametrize("broken", ["forces", "spread"])
def test_what_a_committee_says_is_kept_only_where_it_is_finite(broken):
    said = {"forces": np.zeros((3, 3)), "spread": np.zeros(3)}
    said[broken][1] = np.nan
    given = frame(3, 1, (), origin="r0#5")
    attach_committee(given, **said)
    assert committee_of(given) is None


def test_info_survives_with_its_type():
    info = {
        "origin": "r0#12",
        "level_of_theory": 'PBE, "soft" = 50 Ry \\ no U',
        "step": 12,
        "temperature_K": 701.25,
        "spread_max_eV_A": 1e-17,
        "accepted": True,
        "numeral": "12",
        "word": "T",
    }
    (after,) = read_frames(io.StringIO(write_frames([frame(**info)])))
    assert after.info["level_of_theory"] == info["level_of_theory"]
    for key in ("step", "temperature_K", "spread_max_eV_A", "accepted", "origin"):
        assert after.info[key] == info[key]
        assert isinstance(after.info[key], type(info[key]) | np.generic)


@pytest.mark.parametrize("name", ["energy", "free_energy", "stress", "pbc", "Lattice"])
def test_a_name_of_a_label_in_info_does_not_take_its_place(name):
    """A file may hold an energy beside the one that was chosen as the label."""
    atoms = frame(**{name: -35.0})
    (back,) = read_frames(io.StringIO(write_frames([atoms])))
    assert labels_of(back)["energy"] == labels_of(atoms)["energy"]
    np.testing.assert_array_equal(labels_of(back)["stress"], labels_of(atoms)["stress"])
    np.testing.assert_array_equal(back.cell.array, atoms.cell.array)
    assert back.info[f"info.{name}"] == -35.0


def test_molecule_has_no_cell_and_no_periodicity():
    (after,) = read_frames(io.StringIO(write_frames([frame(periodic=False, labels=("energy", "forces"))])))
    assert not after.pbc.any()
    assert after.cell.rank == 0


def test_frames_written_by_ase_are_read(tmp_path):
    given = frame(5, labels=("energy", "forces", "stress"))
    write(tmp_path / "ase.extxyz", given)
    (after,) = read_frames(tmp_path / "ase.extxyz")
    for name, value in labels_of(given).items():
        np.testing.assert_allclose(labels_of(after)[name], value, atol=1e-7)


def test_ase_reads_what_we_write(tmp_path):
    given = frame(5)
    write_frames([given], tmp_path / "ours.extxyz")
    after = read(tmp_path / "ours.extxyz")
    assert after.get_potential_energy() == labels_of(given)["energy"]
    np.testing.assert_array_equal(after.get_forces(), labels_of(given)["forces"])
    np.testing.assert_array_equal(after.get_stress(), labels_of(given)["stress"])


def test_info_of_another_type_is_refused():
    with pytest.raises(InputError, match="info holds a list"):
        write_frames([frame(odd=[1, 2])])


@pytest.mark.parametrize(("text", "message"), [("", "empty|cannot be read"), ("3\nno frame\n", "cannot be read")])
def test_broken_file_is_refused(tmp_path, text, message):
    (tmp_path / "broken.extxyz").write_text(text)
    with pytest.raises(InputError, match=message):
        read_frames(tmp_path / "broken.extxyz")


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_frames(tmp_path / "nowhere.extxyz")


def test_rounding_is_to_1e_8_and_keeps_labels():
    given = frame()
    noisy = given.copy()
    noisy.positions += 1e-12
    assert not np.array_equal(noisy.positions, given.positions)
    rounded = round_frame(given)
    np.testing.assert_array_equal(round_frame(noisy).positions, rounded.positions)
    np.testing.assert_allclose(rounded.positions, given.positions, atol=5.1e-9)
    np.testing.assert_array_equal(labels_of(rounded)["forces"], labels_of(given)["forces"])
    assert given.positions[0, 0] != rounded.positions[0, 0]


def test_rounding_knows_no_minus_zero():
    atoms = Atoms("Li", [[-1e-12, 0, 0]], cell=np.diag([5, 5, 5]) - 1e-13, pbc=True)
    assert not np.signbit(round_frame(atoms).positions).any()
    assert not np.signbit(round_frame(atoms).cell.array).any()


def test_fingerprint_sees_geometry_and_labels_but_no_bookkeeping():
    given = [frame(seed=seed) for seed in range(3)]
    same = [frame(seed=seed, origin="x#1", labelled_by="y") for seed in range(3)]
    labels = labels_of(same[0])
    same[0].positions += 1e-12
    attach_labels(same[0], **labels)
    assert fingerprint(given) == fingerprint(same)
    assert fingerprint(given) != fingerprint(given[::-1])
    assert fingerprint(given) != fingerprint([frame(seed=seed, labels=("energy", "forces")) for seed in range(3)])
    assert fingerprint(given) != fingerprint(given[:2])


def test_description():
    frames = [
        frame(3, origin="a#0", level_of_theory="L"),
        frame(4, labels=("energy", "forces"), origin="a#1"),
        frame(3),
    ]
    found = describe(frames)
    assert found["labels"] == ["energy", "forces"]
    assert found["label_counts"] == {"energy": 3, "forces": 3, "stress": 2, "charges": 2}
    assert found["levels_of_theory"] == ["L", "unstated"]
    assert found["blocks"] == {"a": 2, "unstated": 1}
    assert found["atom_counts"] == [3, 4]


def test_labels_do_not_outlive_their_geometry():
    moved = frame()
    moved.positions += 0.1
    assert labels_of(moved) == {}


def test_block_and_level_of_a_frame():
    assert block_of(frame(origin="seed-rattle-003#0")) == "seed-rattle-003"
    assert block_of(frame()) == "unstated"
    assert level_of(frame(level_of_theory="PBE")) == "PBE"


def test_unlabelled_frames_are_refused_by_index_and_label():
    require_labels([frame(), frame()])
    with pytest.raises(InputError, match="frame 1 has no forces; expected"):
        require_labels([frame(), frame(labels=("energy",))])
    with pytest.raises(InputError, match="frame 0 has no energy and no forces"):
        require_labels([frame(labels=())])
    with pytest.raises(InputError, match="holds no frame"):
        require_labels([])


def test_contact_and_separated_ions_are_both_among_the_first_frames():
    kinds = ["contact", "contact", "separated", "contact", "separated"]
    frames = [Atoms("LiCl", [[0, 0, 0], [0, 0, 2 + n]], info={"kind": kind}) for n, kind in enumerate(kinds)]
    frames += [attach_labels(Atoms("Li", [[0, 0, n]]), charges=np.array([1.0])) for n in (7, 8)]
    first = first_frames(frames)
    assert [frame.positions[-1, 2] for frame in first] == [2, 4, 7]
    assert [frame.info.get("charge") for frame in first] == [None, None, 1]
    assert all(frame.calc is None for frame in first)
