import pytest

from aiida_elyte.provenance import names
from aiida_elyte.provenance.names import Call


@pytest.mark.parametrize(
    ("label", "call"),
    [
        (names.round_call(3, "train"), Call("round", 3, "train")),
        (names.round_call(100, "sample"), Call("round", 100, "sample")),
        (names.round_call(3, "sample", "hot_md"), Call("round", 3, "sample", "hot_md")),
        (names.qualification_call(2), Call("qualification", 2)),
        (names.member_call("m00"), Call("member", name="m00")),
        (names.md_call(600), Call("md", name="T0600_00")),
        (names.md_call(600, 2), Call("md", 2, name="T0600_00")),
        (names.md_call(1273.15), Call("md", name="T1273_15")),
        (names.batch_call(40), Call("batch", 40)),
        (names.frame_call(7), Call("frame", 7)),
        (names.box_call("m01", 2), Call("box", 2, name="m01")),
        (names.settling_call(1), Call("settling", 1)),
        (names.seeds_call("paths"), Call("seeds", name="paths")),
        (names.SEED_LABELS, Call("seeds_label")),
        (names.CLUSTER_LABELS, Call("clusters_label")),
        (names.QUALIFICATION, Call("qualification")),
    ],
)
def test_what_is_written_is_read_back(label, call):
    assert names.parse_call(label) == call


@pytest.mark.parametrize("label", ["CALL", "iteration_01", "round_x_train", "round_01_", "md_600", "something"])
def test_labels_from_elsewhere_say_nothing(label):
    assert names.parse_call(label) is None


def test_attempts_of_a_restart_workchain_are_known():
    assert names.is_attempt("iteration_01")
    assert names.is_attempt("CALL")
    assert not names.is_attempt("learning")
