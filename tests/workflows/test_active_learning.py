"""What a round does with its samplers, with frames that failed, and with plug-ins that fail in it."""

import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType
from aiida.engine.utils import instantiate_process
from aiida.manage import get_manager
from ase.build import bulk

from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.learning.filters import Collision
from aiida_elyte.science.learning.selection import ByCalibration
from aiida_elyte.science.qualification.shortest_distance import ShortestDistance
from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain


def salt(seed, **info):
    frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    frame.rattle(0.1, seed=seed)
    frame.info = {"origin": f"salt-{seed}#0", **info}
    return frame


LEVEL = "GFN1-xTB (tblite, Gamma point)"


def labelled(seed):
    return attach_labels(salt(seed, level_of_theory=LEVEL), energy=-8.0, forces=np.zeros((8, 3)))


def sampled_by(*seeds, **info):
    """Return a sampler that has ended with frames, or with none."""
    node = orm.WorkChainNode().store()
    if seeds:
        frames = FramesData([salt(seed, temperature_K=300.0, **info) for seed in seeds]).store()
        frames.base.links.add_incoming(node, LinkType.RETURN, "frames")
    return node


@pytest.fixture
def begin(aiida_profile_clean, python_code):
    """Return a function that sets up a learning before its first round."""

    def setup(**overrides):
        start, dataset = FramesData([salt(8)]).store(), FramesData([labelled(9)]).store()
        builder = ActiveLearningWorkChain.get_builder_from_protocol(
            {"python": python_code}, start, dataset, protocol="fast", overrides=overrides
        )
        chain = instantiate_process(get_manager().get_runner(), builder)
        chain.setup()
        return chain

    return setup


@pytest.fixture
def chain(begin):
    """The first round, sampled: four frames of which all are uncertain."""
    chain = begin()
    chain.ctx.number = 1
    chain.ctx.sampling = sampled_by(0, 1, 2, 3, spread_max_eV_A=0.8)
    return chain


@pytest.fixture
def fail(monkeypatch):
    """Return a function that makes a method of a plug-in raise."""

    def replace(kind, method):
        def raising(*_):
            raise TypeError("of its own making")

        monkeypatch.setattr(kind, method, raising)

    return replace


@pytest.mark.parametrize(
    ("kind", "method", "said"),
    [
        (Collision, "reason", "filter 'collision' failed on frame 0: TypeError: of its own making"),
        (ByCalibration, "select", "selector 'calibrated' failed: TypeError: of its own making"),
    ],
)
def test_a_filter_or_selector_that_fails_ends_learning_with_its_name_and_keeps_the_labels(
    chain, fail, kind, method, said
):
    fail(kind, method)
    code = chain.inspect_sampling()
    assert code.status == 433
    assert said in code.message
    assert chain.outputs["dataset"].uuid == chain.ctx.dataset.uuid
    assert chain.outputs["history"]["reason"] == "selection of round 1 failed"


def test_learning_goes_on_after_a_test_of_qualification_that_fails(begin, fail):
    chain = begin(learning={"qualification": {"shortest_distance": {}}})
    chain.ctx.number, chain.ctx.sampling = 1, sampled_by(0, 1, spread_max_eV_A=0.8)
    fail(ShortestDistance, "judge")
    assert chain.inspect_sampling() is None
    (record,) = chain.ctx.rounds
    assert record["n_selected"] > 0
    found = record["qualification"]["shortest_distance"]
    assert found["passed"] is found["value"] is None
    assert found["failed"].startswith("qualification 'shortest_distance' failed: TypeError: of its own making")


def test_samplers_run_side_by_side_with_what_they_ask_for(begin, monkeypatch):
    chain = begin(more_samplers={"attack": {}})
    chain.ctx.potentials = {name: orm.Int(1).store() for name in ("m00", "m01")}
    submitted = {}

    def submit(process, **inputs):
        submitted[inputs["metadata"]["call_link_label"]] = process, inputs
        return orm.WorkChainNode().store()

    monkeypatch.setattr(chain, "submit", submit)
    chain.run_sampling()
    assert list(submitted) == ["round_01_sample", "round_01_sample_attack"]
    (dynamics, first), (attack, second) = submitted.values()
    assert "dataset" not in first
    assert second["dataset"].uuid == chain.ctx.dataset.uuid
    # both share temperature and replicas; the length of the dynamics is that of dynamics alone
    for inputs in (first, second):
        assert inputs["settings"]["temperature_K"] == 1000.0
        assert [one["seed"] for one in inputs["settings"]["replicas"]] == [1000, 1001]
    assert first["settings"]["n_steps"] == 1000
    assert dynamics.spec().inputs["settings"].validate(first["settings"]) is None
    assert attack.spec().inputs["settings"].validate(second["settings"]) is None


def test_only_frames_of_dynamics_say_whether_the_ensemble_has_learned(begin):
    chain = begin(more_samplers={"attack": {}})
    chain.ctx.number = 1
    chain.ctx.sampling = sampled_by(0, 1, 2, spread_max_eV_A=1e-6)
    chain.ctx.more = {"attack": sampled_by(4, 5, spread_max_eV_A=0.9)}
    chain.ctx.offending = FramesData([salt(6, spread_max_eV_A=2.0, failed_test="survival")])
    assert chain.inspect_sampling() is None
    (record,) = chain.ctx.rounds
    assert record["sets"] == {"sampled": 3, "attack": 2, "offending": 1}
    assert (record["n_sampled"], record["n_uncertain"], record["n_selected"]) == (3, 0, 3)
    assert chain.ctx.offending is None
    origins = {frame.info["origin"] for frame in chain.ctx.selected.get_frames()}
    assert origins == {"salt-4#0", "salt-5#0", "salt-6#0"}


def test_a_further_sampler_that_fails_is_reported_and_learning_goes_on(begin):
    chain = begin(more_samplers={"attack": {}})
    chain.ctx.number = 1
    chain.ctx.sampling, chain.ctx.more = sampled_by(0, 1, spread_max_eV_A=0.8), {"attack": sampled_by()}
    assert chain.inspect_sampling() is None
    (record,) = chain.ctx.rounds
    assert list(record["samplers_failed"]) == ["attack"]
    assert record["n_selected"] == 2


def test_labels_calibrate_the_committee_before_they_are_trained_on(chain):
    chain.inspect_sampling()
    before = chain.ctx.dataset.uuid
    chain.ctx.labelling = orm.WorkChainNode().store()
    new = FramesData([labelled(seed) for seed in range(4)]).store()
    new.base.links.add_incoming(chain.ctx.labelling, LinkType.RETURN, "frames")
    chain.inspect_labelling()
    found = orm.load_node(chain.ctx.rounds[-1]["calibration"])
    assert found.creator.inputs.dataset.uuid == before
    assert len(chain.ctx.dataset) == 5
    # sampled frames without the spread of their atoms calibrate nothing, and that is said
    assert found["fallback"]


def test_each_decision_is_a_node_with_its_reasons_and_the_last_says_what_to_change(chain):
    chain.inspect_sampling()
    chain.ctx.qualification = orm.Dict({"verdict": "unqualified", "reasons": ["survival: 1 of 2 replicas stopped"]})
    assert not chain.should_go_on()
    chain.results()
    history = chain.outputs["history"]
    (decision,) = history["decisions"]
    assert decision["criterion"] == "no new label"
    assert decision["advice"]
    assert history["reason"] == decision["reason"]
    decided = orm.QueryBuilder().append(orm.CalcFunctionNode, filters={"label": "decide_next"}).all(flat=True)
    assert [node.outputs.result["reason"] for node in decided] == [decision["reason"]]


def test_frames_that_were_all_rejected_end_learning_with_the_reasons(chain):
    chain.ctx.sampling = sampled_by(0, 1)
    chain.inspect_sampling()
    assert not chain.has_selected()
    # it is tested once more before the end
    assert chain.should_go_on()
    assert chain.should_qualify()
    chain.ctx.qualification = orm.Dict({"verdict": "qualified", "reasons": []})
    assert not chain.should_go_on()
    reason = chain.ctx.decisions[-1]["reason"]
    assert "all 2 sampled frames were rejected (2 no committee spread)" in reason


def test_frames_that_fail_the_qualification_join_the_next_round(chain, monkeypatch):
    """The criteria hold, the tests do not pass: another round, with the frames that failed among its candidates."""
    chain.ctx.sampling = sampled_by(0, 1, 2, 3, spread_max_eV_A=1e-6)
    chain.inspect_sampling()
    assert chain.ctx.rounds[-1]["n_selected"] == 0
    chain.ctx.potentials = {name: orm.Int(1).store() for name in ("m00", "m01")}
    assert chain.should_go_on()
    assert chain.should_qualify()
    submitted = {}

    def submit(process, **inputs):
        submitted[inputs["metadata"]["call_link_label"]] = inputs
        return orm.WorkChainNode().store()

    monkeypatch.setattr(chain, "submit", submit)
    chain.run_qualification()
    assert submitted["qualification_01"]["conditions"]["temperature_K"] == 1000.0
    assert submitted["qualification_01"]["dataset"].uuid == chain.ctx.dataset.uuid

    chain.ctx.qualifying = orm.WorkChainNode().store()
    failed = {"verdict": "unqualified", "reasons": ["survival: 1 of 2 replicas stopped"]}
    for name, node in {
        "qualification": orm.Dict(failed),
        "offending": FramesData([salt(6, spread_max_eV_A=2.0, failed_test="survival")]),
    }.items():
        node.store().base.links.add_incoming(chain.ctx.qualifying, LinkType.RETURN, name)
    assert chain.inspect_qualification() is None
    assert chain.should_go_on()
    assert not chain.should_qualify()
    assert "the qualification failed: survival: 1 of 2 replicas stopped" in chain.ctx.decisions[-1]["reason"]
    chain.ctx.number = 2
    chain.inspect_sampling()
    assert chain.ctx.rounds[-1]["sets"] == {"sampled": 4, "offending": 1}
    assert [frame.info["failed_test"] for frame in chain.ctx.selected.get_frames()] == ["survival"]


def test_a_qualification_that_cannot_be_run_ends_learning_with_what_there_is(chain):
    chain.ctx.qualifying = orm.WorkChainNode().store()
    chain.ctx.qualifying.set_exit_status(460)
    chain.ctx.qualifying.set_exit_message("no room")
    assert chain.inspect_qualification().status == 434
    assert "history" in chain.outputs
    assert "qualification" not in chain.outputs
