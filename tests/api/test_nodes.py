"""Frames as nodes: stored once, found by PK, with an account of what was read."""

import pytest

from aiida_elyte.api.nodes import find_frames, import_frames, load_any
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels, write_frames
from tests.interpreter import run_python
from tests.salt import rattled_salt


@pytest.fixture
def frames():
    return [attach_labels(one, energy=-1.0 - seed, forces=one.positions) for seed, one in enumerate(rattled_salt(3))]


def test_frames_are_stored_once(frames, aiida_profile_clean, tmp_path):
    write_frames(frames, tmp_path / "one.extxyz")
    first = import_frames(tmp_path / "one.extxyz", level_of_theory="PBE")
    again = import_frames(tmp_path / "one.extxyz", level_of_theory="PBE", label="other")
    assert first.is_new
    assert not again.is_new
    assert again.node.pk == first.node.pk
    assert first.node.label == "one.extxyz"
    told = first.describe()
    assert (told["count"], told["levels_of_theory"], told["already_stored"]) == (3, ["PBE"], False)
    assert told["label_sources"] == {str(tmp_path / "one.extxyz"): {"energy": {"energy": 3}, "forces": {"forces": 3}}}
    assert told["energy_eV_atom"] == pytest.approx([-3 / 8, -1 / 8])


def test_frames_are_found_by_pk_uuid_and_file(frames, aiida_profile_clean, tmp_path):
    node = import_frames(frames, level_of_theory="PBE").node
    assert "level_of_theory" not in frames[0].info
    for source in (str(node.pk), node.uuid, node):
        assert find_frames(source) == (node, None)
    write_frames(node.get_frames(), tmp_path / "same.extxyz")
    found, read = find_frames(tmp_path / "same.extxyz")
    assert found.base.attributes.get("count") == len(read.frames) == 3
    given, _ = find_frames(node.get_frames())
    assert given.pk == node.pk


def test_nodes_that_are_no_frames_are_rejected(aiida_profile_clean):
    from aiida import orm

    node = orm.Int(1).store()
    with pytest.raises(InputError, match="is Int; expected a FramesData"):
        find_frames(str(node.pk))
    with pytest.raises(InputError, match="does not exist in this profile"):
        load_any(node.pk + 1000)
    with pytest.raises(InputError, match="does not exist"):
        find_frames("nowhere.extxyz")


def test_a_pk_that_no_database_holds_is_rejected(aiida_profile):
    with pytest.raises(InputError, match="node 9223372036854775808 does not exist"):
        load_any(2**63)


def test_without_a_loaded_profile_every_entry_names_the_remedy(tmp_path):
    write_frames([attach_labels(one, energy=-1.0, forces=one.positions) for one in rattled_salt(1)], tmp_path / "a.xyz")
    code = f"""
import aiida_elyte as elyte
for call in (
    lambda: elyte.status(12),
    lambda: elyte.resume(12),
    lambda: elyte.write_report(12, "report.html"),
    lambda: elyte.import_frames({str(tmp_path / "a.xyz")!r}, level_of_theory="PBE"),
    lambda: elyte.load_potential("12"),
):
    try:
        call()
    except elyte.InputError as error:
        print("elyte.setup()" in str(error))
"""
    assert run_python(code, tmp_path).split() == 5 * ["True"]
