import json

import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.learning.calibration import CalibrationSettings, uncalibrated
from aiida_elyte.science.learning.choice import choose_frames
from aiida_elyte.science.learning.filters import Collision
from aiida_elyte.science.learning.selection import ByCalibration, Selector

N_CANDIDATES, N_SELECT = 3, 2


class Giving(Selector):
    """Chooses what it is told to, or raises it."""

    def __init__(self, answer, uncertain=None):
        self.answer, self.uncertain = answer, uncertain

    def select(self, candidates, n_select, rng):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def are_uncertain(self, candidates):
        return super().are_uncertain(candidates) if self.uncertain is None else self.uncertain


def choose(selector, calibration=None):
    """Four sampled frames, of which the second collides: the candidates are 0, 2 and 3."""
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    known = attach_labels(crystal.copy(), energy=-8.0, forces=np.zeros((8, 3)))
    sampled = [crystal.copy() for _ in range(4)]
    for frame in sampled:
        frame.info["spread_max_eV_A"] = 0.3
    sampled[1].positions[1] = sampled[1].positions[0] + [0.5, 0, 0]
    return choose_frames(
        sampled,
        [known],
        crystal,
        {"near": Collision()},
        selector,
        N_SELECT,
        np.random.default_rng(0),
        "mine",
        calibration,
    )


@pytest.mark.parametrize("answer", [[2, 0], (2, 0), np.array([2, 0]), [np.int64(2), 0]])
def test_indices_of_candidates_become_those_of_sampled_frames(answer):
    choice = choose(Giving(answer))
    assert choice.selected == [3, 0]
    assert list(choice.refused) == [1]
    assert choice.n_uncertain == N_CANDIDATES


def test_each_sampled_frame_has_a_decision_with_its_reason():
    model = uncalibrated(CalibrationSettings(default_factor=4.0), "nothing is fitted here")
    choice = choose(ByCalibration(0.6), model)
    assert [one.index for one in choice.decisions] == [0, 1, 2, 3]
    assert [one.decision for one in choice.decisions] == ["left", "refused", "left", "left"]
    assert choice.decisions[1].reason.startswith("collision: ")
    assert choice.decisions[1].probability is None
    assert choice.decisions[2].reason == "others tell as much"
    left = choice.decisions[2]
    assert left.error_eV_A == pytest.approx(4 * 0.3)
    assert left.probability == pytest.approx(0.839, abs=1e-3)  # twice the tolerance: P(z > -ln 2 / 0.7)
    assert left.distance == pytest.approx(0.0, abs=1e-4)
    record = json.loads(json.dumps(choice.as_dict()))
    assert record["decisions"][2] == {
        "index": 2,
        "decision": "left",
        "reason": "others tell as much",
        "spread_eV_A": 0.3,
        "error_eV_A": 1.2,
        "probability": pytest.approx(0.839, abs=1e-3),
        "distance": pytest.approx(0.0, abs=1e-4),
    }
    assert "errors are taken as 4 times" in record["fallback"]


def test_a_selector_without_a_tolerance_gives_no_probability():
    decisions = choose(Giving([2])).decisions
    assert [one.probability for one in decisions] == [None] * 4
    assert [one.reason for one in decisions if one.decision != "refused"] == ["others tell as much"] * 2 + ["bought"]


def test_nothing_may_be_chosen():
    assert choose(Giving([])).selected == []


@pytest.mark.parametrize(
    "answer",
    [
        [0, 1, 2],
        [1, 1],
        [-1],
        [N_CANDIDATES],
        [0.0],
        [True],
        ["0"],
        np.array([0.5]),
        np.array([[0]]),
        None,
        1,
        "01",
        {0: 1},
        list(range(1000)),
    ],
)
def test_what_cannot_be_labelled_is_rejected_with_the_name_of_the_selector(answer):
    with pytest.raises(InputError) as caught:
        choose(Giving(answer))
    said = str(caught.value)
    assert said.startswith("selector 'mine' gave ")
    assert repr(answer)[:5] in said
    assert "of 3 candidates; expected at most 2 indices from 0, each once" in said
    assert len(said) < 250
    assert "\n" not in said


def test_a_selector_that_fails_is_named():
    with pytest.raises(InputError, match=r"selector 'mine' failed: IndexError: out of range; correct the plug-in"):
        choose(Giving(IndexError("out of range")))


@pytest.mark.parametrize("uncertain", [3, [True] * 3, np.ones(2, bool), np.ones(3), np.ones((3, 1), bool)])
def test_uncertain_is_true_or_false_for_each_candidate(uncertain):
    with pytest.raises(InputError, match=r"selector 'mine' calls .* uncertain; expected an array of true or false"):
        choose(Giving([0], uncertain))
