import re

import pytest

from aiida_elyte.science.learning.convergence import label_budget_left, should_continue

SETTINGS = {"max_rounds": 3, "label_budget": 50, "uncertain_share": 0.05}


def past(n_uncertain=40, **changes):
    record = {
        "n_sampled": 100,
        "n_refused": 0,
        "n_uncertain": n_uncertain,
        "n_selected": 20,
        "n_labelled": 20,
        "stops": {},
    }
    return {**record, **changes}


@pytest.mark.parametrize(
    ("history", "go_on", "words"),
    [
        ([], True, "no round has run; 3 rounds and 50 labels are left"),
        ([past()], True, r"40 of 100 sampled frames \(40 %\).*2 rounds and 30 labels are left"),
        ([past(), past(5)], False, "not more than the 5 % allowed: the ensemble has learned"),
        ([past(6)], True, r"\(6 %\)"),
        ([past(3), past(40)], True, r"\(40 %\)"),
        ([past(0, n_refused=6)], True, "6 of 100"),
        ([past(0, stops={"r0": {"kind": "EXPLODED"}})], True, "1 runs stopped early"),
        ([past(n_selected=1)] * 3, False, "all 3 rounds are spent"),
        ([past(n_selected=25)] * 2, False, "budget of 50 labels is spent"),
        ([past(n_labelled=0)], False, "no new label"),
        ([past(0, n_sampled=0, n_labelled=0, n_selected=0)], False, "no new label"),
    ],
)
def test_decision(history, go_on, words):
    found, reason = should_continue(history, SETTINGS)
    assert found is go_on
    assert re.search(words, reason), reason


def test_no_round_is_allowed_at_all():
    assert not should_continue([], {**SETTINGS, "max_rounds": 0})[0]
    assert not should_continue([], {**SETTINGS, "label_budget": 0})[0]


def test_failed_labels_have_cost_their_part():
    assert label_budget_left([past(n_labelled=0)], SETTINGS) == 30
    assert label_budget_left([past()] * 9, SETTINGS) == 0


def test_a_finished_last_round_counts_as_learned_even_with_the_budget_spent():
    go_on, reason = should_continue([past(), past(), past(1)], SETTINGS)
    assert not go_on
    assert "has learned" in reason


def test_learning_of_a_fixed_form_ends_when_the_held_out_error_no_longer_falls():
    settings = {**SETTINGS, "least_gain": 0.02}

    def after(*errors, **last):
        rounds = [past(n_selected=1, held_out_error=error) for error in errors]
        rounds[-1] |= last
        return should_continue(rounds, settings)

    # 4.0 → 3.9 is 2.5 %, 3.9 → 3.85 is 1.3 %.
    assert after(4.0)[0]
    assert after(4.0, 3.9)[0]
    go_on, reason = should_continue([past(n_selected=1, held_out_error=e) for e in (3.9, 3.85)], settings)
    assert not go_on
    assert "lowered the held-out error by 1.3 %, not more than 2 %" in reason
    # A run that broke is never the last, an unknown error decides nothing, and no setting asks for none of this.
    assert after(3.9, 3.85, stops={"r0": "bond torn"})[0]
    assert after(3.9, None)[0]
    assert should_continue([past(n_selected=1, held_out_error=3.0)] * 2, SETTINGS)[0]


def test_an_error_that_rises_is_told_as_such():
    def after(least_gain, *errors, **first):
        rounds = [past(n_selected=1, held_out_error=error) for error in errors]
        rounds[0] |= first
        return should_continue(rounds, {**SETTINGS, "least_gain": least_gain})

    # 4.0 → 4.2 is 5 % more.
    go_on, reason = after(0.02, 4.0, 4.2)
    assert not go_on
    assert "the last labels raised the held-out error by 5.0 %, where least_gain is 0.02" in reason
    assert "would not help" not in reason
    go_on, reason = after(-0.1, 4.0, 4.2)
    assert go_on
    assert "raised the held-out error by 5.0 %; 1 rounds" in reason


def test_the_first_round_is_judged_by_the_error_before_it():
    def after(error, before):
        record = past(n_selected=1, held_out_error=error, held_out_error_before=before)
        return should_continue([record], {**SETTINGS, "least_gain": 0.02})

    # 4.0 → 3.96 is 1 %, 4.0 → 3.6 is 10 %.
    assert not after(3.96, 4.0)[0]
    go_on, reason = after(3.6, 4.0)
    assert go_on
    assert "lowered the held-out error by 10.0 %" in reason
    assert after(3.96, None)[0]
