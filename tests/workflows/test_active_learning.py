"""What a round does with plug-ins that fail in it."""

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


@pytest.fixture
def chain(aiida_profile_clean, python_code):
    """The first round, sampled: four frames of which all are uncertain."""
    known = attach_labels(
        salt(9, level_of_theory="GFN1-xTB (tblite, Gamma point)"), energy=-8.0, forces=np.zeros((8, 3))
    )
    start, dataset = FramesData([salt(8)]).store(), FramesData([known]).store()
    builder = ActiveLearningWorkChain.get_builder_from_protocol(
        {"python": python_code}, start, dataset, protocol="fast"
    )
    chain = instantiate_process(get_manager().get_runner(), builder)
    chain.setup()
    chain.ctx.number = 1
    chain.ctx.sampling = orm.WorkChainNode().store()
    sampled = FramesData([salt(seed, spread_max_eV_A=0.8, temperature_K=300.0) for seed in range(4)]).store()
    sampled.base.links.add_incoming(chain.ctx.sampling, LinkType.RETURN, "frames")
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


def test_learning_goes_on_after_a_test_of_qualification_that_fails(chain, fail):
    fail(ShortestDistance, "judge")
    assert chain.inspect_sampling() is None
    (record,) = chain.ctx.rounds
    assert record["n_selected"] > 0
    found = record["qualification"]["shortest_distance"]
    assert found["passed"] is found["value"] is None
    assert found["failed"].startswith("qualification 'shortest_distance' failed: TypeError: of its own making")
