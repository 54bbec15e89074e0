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
        overrides = {"batch_size": 2, "max_in_flight": max_in_flight, "settings": settings}
        return AseLabelWorkChain.get_builder_from_protocol(python_code, frames, overrides=overrides)

    return build


class TestAseLabeller(LabellerContract):
    """The contract of the door, with EMT; the strained frames are of another batch than the first."""

    @pytest.fixture
    def frame(self):
        return copper()

    @pytest.fixture
    def broken(self):
        return bulk("Xe", "fcc", a=6.0)

    @pytest.fixture
    def beyond(self, aiida_profile_clean, python_code):
        return AseLabelWorkChain.get_builder_from_protocol(python_code), Atoms("Ac", cell=[9.0] * 3, pbc=True)


def answers(**settings):
    """Return the inputs of a labeller with these settings."""
    return {"ase": {"settings": orm.Dict(settings)}}


def test_answers_follow_the_settings(aiida_profile_clean):
    tblite = answers(calculator="tblite", level_of_theory="GFN1-xTB", properties=["energy", "forces", "charges"])
    assert AseLabelWorkChain.level_of_theory(tblite) == "GFN1-xTB"
    assert AseLabelWorkChain.gives(tblite) == {"energy", "forces", "charges"}
    assert AseLabelWorkChain.python_modules(tblite) == ("tblite",)
    assert AseLabelWorkChain.labels_per_frame(tblite) == 1
    assert AseLabelWorkChain.seconds(tblite, 52) == pytest.approx(2.7)
    emt = answers(calculator="emt", properties=["energy", "charges"], heat={"count": 3, "temperature_K": 400.0})
    assert AseLabelWorkChain.level_of_theory(emt) is None
    assert AseLabelWorkChain.gives(emt) == {"energy"}, "EMT has no charges"
    assert AseLabelWorkChain.python_modules(emt) == ()
    assert AseLabelWorkChain.labels_per_frame(emt) == 4
    assert AseLabelWorkChain.seconds(emt, 52) is None


def test_another_calculator_starts_without_parameters_and_level_of_the_old_one():
    below = {"settings": {"calculator": "tblite", "parameters": {"method": "GFN1-xTB"}, "level_of_theory": "GFN1-xTB"}}
    merge = AseLabelWorkChain.merge_overrides
    assert merge(below, {"settings": {"calculator": "emt"}}) == {"settings": {"calculator": "emt"}}
    kept = merge(below, {"settings": {"parameters": {"accuracy": 0.1}}})["settings"]
    assert kept["parameters"] == {"method": "GFN1-xTB", "accuracy": 0.1}
    assert merge(None, None) == {}


def test_batches_keep_order_and_equal_the_calculator(build):
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
    with pytest.raises(ValueError, match=r"calculator 'emtt' is unknown; .*did you mean emt"):
        build(FramesData([copper()]), settings={**EMT_SETTINGS, "calculator": "emtt"})
