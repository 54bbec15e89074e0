"""Each frame of a learning as its nodes hold it; the graphs here are made by hand."""

import numpy as np
import pytest
from aiida import orm

from aiida_elyte.data.frames import FramesData
from aiida_elyte.provenance.judged_frames import load_calibrations, load_judged_frames
from aiida_elyte.provenance.learning import read_learning
from aiida_elyte.provenance.links import Links
from aiida_elyte.science.frames import attach_committee, attach_labels, drop_committee
from tests import crystal_graphs
from tests.provenance_graphs import give, process

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")

DECISION = {"spread_eV_A": None, "error_eV_A": None, "probability": None, "distance": None}


def sampled(n_frames, first, **info):
    frames = crystal_graphs.frames(n_frames, first=first, labelled=False).get_frames()
    for frame in frames:
        attach_committee(frame, np.zeros((8, 3)), np.full(8, 0.1))
        frame.info |= info
    return FramesData(frames)


@pytest.fixture
def learning():
    """One round: two frames of dynamics, of which the second was bought and labelled, and one that failed a test."""
    dataset = crystal_graphs.frames(3)
    inputs = {"dataset": dataset, "sampler": orm.Str("md"), "learning": orm.Dict({"max_rounds": 1})}
    learning = process("ActiveLearningWorkChain", inputs=inputs)
    given = {"sampled": sampled(2, 10), "offending": sampled(1, 30, failed_test="contacts"), "dataset": dataset}
    settings = orm.Dict({"selection": {"tolerance_eV_A": 0.2}})
    selection = process(
        "select_frames", learning, "select_frames", {**given, "settings": settings}, orm.CalcFunctionNode
    )
    judged = {"spread_eV_A": 0.1, "error_eV_A": 0.4, "probability": 0.9, "distance": 2.0}
    decisions = [
        {**DECISION, "index": 0, "decision": "refused", "reason": "collision: 0.4"},
        {**judged, "index": 1, "decision": "bought", "reason": "bought"},
        {**judged, "index": 2, "decision": "left", "reason": "others tell as much"},
    ]
    record = {
        "n_sampled": 3,
        "refused": {"0": "collision: 0.4"},
        "spreads_eV_A": [0.1, 0.1],
        "n_uncertain": 2,
        "selected": [1],
        "decisions": decisions,
        "sets": {"offending": 1, "sampled": 2},
    }
    give(selection, "record", orm.Dict(record))
    chosen = give(selection, "frames", FramesData([given["sampled"].get_frames()[1]]))
    label = attach_labels(drop_committee(chosen.get_frames()[0]), energy=-1.0, forces=np.tile([0.3, 0.4, 0.0], (8, 1)))
    labelling = process("AseLabelWorkChain", learning, "round_01_label", {"frames": chosen})
    labelled = give(labelling, "frames", FramesData([label]))
    inputs = {"labelled": labelled, "sampled": chosen, "dataset": dataset}
    calibration = process("calibrate", learning, "calibrate", inputs, orm.CalcFunctionNode)
    content = {"n_frames": 1, "factor": 2.5, "fallback": "too few", "reliability": []}
    give(calibration, "calibration", orm.Dict(content))
    give(learning, "offending", sampled(1, 40, failed_test="framework"))
    decision = {"step": "end", "criterion": "rounds", "is_converged": False, "advice": ["raise max_rounds above 1"]}
    give(learning, "history", orm.Dict({"rounds": [], "reason": "all 1 rounds are spent", "decisions": [decision]}))
    return learning


def test_frames_have_their_decision_and_what_their_label_said(learning):
    found = load_judged_frames(learning.pk)
    assert [(one.round, one.source, one.decision) for one in found] == [
        *[(0, "", "known")] * 3,
        (1, "md", "refused"),
        (1, "md", "bought"),
        (1, "offending", "left"),
        (1, "offending", "kept"),
    ]
    assert found[3].reason == "collision: 0.4"
    assert (found[4].error_eV_A, found[4].probability, found[4].distance) == (0.4, 0.9, 2.0)
    assert found[4].true_error_eV_A == pytest.approx(0.5)  # of forces off by (0.3, 0.4, 0)
    assert [one.true_error_eV_A for one in found if one is not found[4]] == [None] * 6
    assert found[5].reason == "others tell as much; failed contacts"
    assert found[6].reason == "failed framework"


def test_a_calibration_belongs_to_the_round_whose_labels_it_used(learning):
    (only,) = load_calibrations(learning.pk)
    assert (only.round, only.n_frames, only.factor, only.fallback, only.reliability) == (1, 1, 2.5, "too few", ())


def test_the_end_of_learning_has_its_criterion_and_advice(learning):
    record = read_learning(Links(learning))
    assert (record.ending.criterion, record.ending.is_converged) == ("rounds", False)
    assert record.ending.advice == ("raise max_rounds above 1",)
    assert record.rounds[0].selection.errors_eV_A == (0.4, 0.4)
    assert record.rounds[0].selection.tolerance_eV_A == 0.2


def test_learning_of_before_decisions_were_recorded_has_none():
    street, dataset = crystal_graphs.begin()
    crystal_graphs.learn(street, dataset)
    before = next(node for node in street.called if node.process_label == "ActiveLearningWorkChain")
    assert load_judged_frames(before.pk) == ()
    assert load_calibrations(before.pk) == ()
    assert read_learning(Links(before)).ending is None
