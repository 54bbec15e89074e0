"""What to change is read from the rounds: each history here has one cause."""

import pytest

from aiida_elyte.science.learning.stopping import decide
from tests.science.learning.test_stopping import FAILED, past, settings


def advice(history, **changes):
    end = decide(history, settings(max_rounds=len(history), label_budget=1000, **changes))
    assert end.step == "end"
    return end.advice


def test_a_share_that_falls_says_how_many_rounds_it_would_take():
    # 80 % → 40 % halves; from 40 % to 5 % it halves three times.
    (only,) = advice([past(80), past(40)])
    assert "about 3 more rounds would reach 5 %: raise max_rounds above 2" in only


def test_a_share_that_no_longer_falls_asks_for_another_model_or_tolerance():
    (only,) = advice([past(80), past(41), past(40), past(39)])
    assert "41 % → 40 % → 39 %" in only
    for remedy in ("larger network or cutoff", "more members", "higher tolerance", "lower temperature"):
        assert remedy in only


def test_runs_that_broke_name_their_stops():
    found = advice([past(0, stops={"r0": {"kind": "COLLIDED"}, "r1": "bond torn"})])
    assert found[0].startswith("2 runs of the last round stopped early (COLLIDED; bond torn)")
    assert "potential that repels" in found[0]


def test_labels_that_failed_are_looked_at_first():
    found = advice([past(n_selected=30, n_labelled=5)])
    assert found[0].startswith("25 of 30 frames could not be labelled")
    assert not any("could not be labelled:" in one for one in advice([past(n_selected=30, n_labelled=29)]))


def test_frames_that_filters_rejected_ask_for_a_colder_sampling():
    found = advice([past(0, n_refused=60)])
    assert found[0].startswith("60 of 100 sampled frames were rejected by filters")


def test_a_round_without_labels_does_not_ask_for_more_rounds():
    end = decide([past(n_selected=0, n_labelled=0)], settings())
    assert end.criterion == "no new label"
    assert not any("max_rounds" in one for one in end.advice)


@pytest.mark.parametrize(
    ("budget", "remedy"), [({"max_rounds": 1}, "raise max_rounds"), ({"label_budget": 10}, "raise label_budget")]
)
def test_a_failed_qualification_asks_for_what_was_spent(budget, remedy):
    end = decide([past(0, n_selected=10)], settings(**budget), can_qualify=True, verdict=FAILED)
    assert any(one.startswith(remedy) for one in end.advice)
