"""The labeller ``ase``."""

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from aiida_elyte.contracts.labeller import LabellerContract
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.frames import labels_of, round_frame
from aiida_elyte.workflows.label.ase import AseLabelWorkChain

EMT_SETTINGS = {"calculator": "emt", "parameters": {}, "level_of_theory": "EMT"}


def copper(seed: int = 0) -> Atoms:
    """Rattled copper."""
    frame = bulk("Cu", cubic=True)
    frame.rattle(0.1, seed=seed)
    frame.info = {"origin": f"copper#{seed}"}
    return frame


@pytest.fixture
def build(aiida_profile_clean, python_code):
    """Builders of EMT jobs of two frames each."""

    def build(frames: FramesData, settings=EMT_SETTINGS, max_in_flight=4):
        builder = AseLabelWorkChain.get_builder_from_protocol(
            python_code, frames, overrides={"batch_size": 2, "max_in_flight": max_in_flight}
        )
        builder.ase.settings = orm.Dict(settings)
        return builder

    return build


class TestAseLabeller(LabellerContract):
    """The contract of the door, with EMT; the strained frames are of another batch than the first."""

    @pytest.fixture
    def frame(self):
        return copper()

    @pytest.fixture
    def broken(self):
        return bulk("Xe", "fcc", a=6.0)


def test_batches_in_waves_keep_order_and_equal_the_calculator(build):
    given = [copper(seed) for seed in range(5)]
    outputs, node = run_get_node(build(FramesData(given), max_in_flight=2))
    assert node.is_finished_ok
    labelled = outputs["frames"].get_frames()
    assert [frame.info["origin"] for frame in labelled] == [frame.info["origin"] for frame in given]
    assert len({frame.info["labelled_by"] for frame in labelled}) == 3
    for frame, original in zip(labelled, given, strict=True):
        direct = round_frame(original)
        direct.calc = EMT()
        labels = labels_of(frame)
        assert labels["energy"] == pytest.approx(direct.get_potential_energy(), abs=1e-12)
        np.testing.assert_allclose(labels["forces"], direct.get_forces(), atol=1e-12)
        np.testing.assert_allclose(labels["stress"], direct.get_stress(), atol=1e-12)


def test_all_frames_failing_is_an_exit_code_that_gives_the_reason(build):
    outputs, node = run_get_node(build(FramesData([bulk("Xe", "fcc", a=6.0) for _ in range(3)])))
    assert node.exit_status == 420
    assert sorted(outputs["refused"].get_dict()) == ["0", "1", "2"]
    assert "Xe" in node.exit_message


def test_unknown_calculator_tells_close_matches(build):
    _, node = run_get_node(build(FramesData([copper()]), settings={**EMT_SETTINGS, "calculator": "emtt"}))
    assert node.exit_status == 420
    assert "did you mean emt" in node.exit_message
