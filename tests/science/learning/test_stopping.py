import re

import numpy as np
import pytest

from aiida_elyte.science.learning.settings import LearningSettings
from aiida_elyte.science.learning.stopping import decide, label_budget_left
from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.verdict import Verdict

PASSED = Verdict("qualified", ("8 tests passed",))
FAILED = Verdict("unqualified", ("framework_rmsd: 2.1 Å, above 1.5 Å",))


def settings(**changes):
    return LearningSettings(
        **{
            "max_rounds": 3,
            "label_budget": 60,
            "uncertain_share": 0.05,
            "sampling": {"n_replicas": 1, "seed": 0},
            "selection": {"selector": "spread", "n_select": 10, "selection": {}, "filters": {}},
            **changes,
        }
    )


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


def known(value, std, name="conductivity"):
    estimate = Estimate(value, std, (value - 2 * std, value + 2 * std), "mS/cm", 9.0, "Einstein")
    return {name: estimate.as_dict()}


REFUSED = {"conductivity": Refusal("no diffusive window; run longer").as_dict()}
QUANTITY = {"charges": {"Li": 1.0}}


@pytest.mark.parametrize(
    ("history", "step", "criterion", "words"),
    [
        ([], "round", "first round", "no round has run; 3 rounds and 60 labels are left"),
        ([past()], "round", "doubtful frames", r"40 of 100 sampled frames \(40 %\).*2 rounds and 40 labels are left"),
        ([past(), past(5)], "end", "converged", "not more than 5 %"),
        ([past(6)], "round", "doubtful frames", r"\(6 %\) were uncertain or rejected, more than 5 %"),
        ([past(3), past(40)], "round", "doubtful frames", r"\(40 %\)"),
        ([past(0, n_refused=6)], "round", "doubtful frames", "6 of 100"),
        ([past(0, stops={"r0": {"kind": "EXPLODED"}})], "round", "doubtful frames", "1 runs stopped early"),
        ([past(n_selected=1)] * 3, "end", "rounds", "all 3 rounds are spent"),
        ([past(n_selected=30)] * 2, "end", "labels", "budget of 60 labels is spent"),
        ([past(n_labelled=0)], "end", "no new label", "no new label"),
        ([past(0, n_sampled=0, n_labelled=0, n_selected=0)], "end", "no new label", "no new label"),
    ],
)
def test_decision_without_a_qualification(history, step, criterion, words):
    found = decide(history, settings())
    assert (found.step, found.criterion) == (step, criterion)
    assert re.search(words, found.reason), found.reason
    assert bool(found.advice) == (step == "end" and criterion != "converged")


@pytest.mark.parametrize("changes", [{"max_rounds": 0}, {"label_budget": 0}])
def test_no_round_is_run_where_none_is_asked_for_but_a_given_ensemble_is_qualified(changes):
    none = settings(**changes)
    assert decide([], none).step == "end"
    assert decide([], none, can_qualify=True).step == "qualify"
    passed, failed = (decide([], none, can_qualify=True, verdict=one) for one in (PASSED, FAILED))
    assert (passed.step, passed.advice) == ("end", ())
    assert failed.step == "end"
    assert "set max_rounds and label_budget above 0" in failed.advice[0]


def test_labels_that_failed_have_cost_their_part():
    assert label_budget_left([past(n_labelled=0)], 50) == 30
    assert label_budget_left([past()] * 9, 50) == 0


def test_an_ensemble_that_has_converged_is_qualified_before_the_end():
    history = [past(), past(2)]
    assert decide(history, settings(), can_qualify=True).step == "qualify"
    end = decide(history, settings(), can_qualify=True, verdict=PASSED)
    assert (end.step, end.criterion, end.is_converged) == ("end", "qualified", True)


def test_a_failed_qualification_asks_for_another_round_while_the_budget_lasts():
    again = decide([past(), past(2)], settings(), can_qualify=True, verdict=FAILED)
    assert (again.step, again.criterion) == ("round", "qualification")
    assert "the qualification failed: framework_rmsd: 2.1 Å, above 1.5 Å" in again.reason
    last = decide([past(), past(), past(2)], settings(), can_qualify=True, verdict=FAILED)
    assert (last.step, last.criterion, last.is_converged) == ("end", "rounds", False)
    assert "label them in more rounds" in last.advice[0]
    assert "raise max_rounds above 3" in last.advice


def test_an_ensemble_that_has_spent_its_budget_is_qualified_once_and_the_end_says_what_is_open():
    history = [past(n_selected=20)] * 3
    assert decide(history, settings(), can_qualify=True).step == "qualify"
    for verdict in (PASSED, FAILED):
        end = decide(history, settings(), can_qualify=True, verdict=verdict)
        assert (end.step, end.is_converged) == ("end", False)
        assert end.advice


def test_a_quantity_within_its_error_over_two_rounds_ends_learning():
    only = settings(uncertain_share=None, quantity=QUANTITY)
    # (110 − 100) / √(6² + 8²) is one standard error, (130 − 100) / √(6² + 8²) three.
    first = past(quantities=known(100.0, 6.0))
    assert decide([first], only).step == "round"
    assert decide([first, past(quantities=known(110.0, 8.0))], only).is_converged
    beyond = decide([first, past(quantities=known(130.0, 8.0))], only)
    assert (beyond.step, beyond.criterion) == ("round", "quantity")
    assert "conductivity 100 → 130 ± 8 mS/cm: beyond 2 standard errors" in beyond.reason


def test_an_error_that_could_hide_any_change_decides_nothing():
    only = settings(uncertain_share=None, quantity=QUANTITY)
    rough = decide([past(quantities=known(100.0, 60.0))] * 2, only)
    assert rough.step == "round"
    assert "an error of 60 %, above 50 %, decides nothing" in rough.reason
    assert decide([past(quantities=known(0.0, 1.0))] * 2, only).step == "round"


def test_diffusion_is_compared_where_the_conductivity_is_refused_and_neither_where_both_are():
    only = settings(uncertain_share=None, quantity=QUANTITY)
    diffusing = REFUSED | known(1e-6, 1e-7, "tracer_diffusion_Li")
    assert decide([past(quantities=diffusing)] * 2, only).is_converged
    refused = decide([past(quantities=REFUSED, n_selected=1)] * 3, only)
    assert not refused.is_converged
    assert "(no diffusive window; run longer)" in refused.reason
    assert "raise sampling.n_steps" in refused.advice[0]
    assert decide([past()] * 2, only).step == "round"


def test_all_criteria_that_are_on_have_to_hold():
    both = settings(quantity=QUANTITY)
    stable = {"quantities": known(100.0, 6.0)}
    assert decide([past(**stable), past(40, **stable)], both).criterion == "doubtful frames"
    assert decide([past(), past(2)], both).criterion == "quantity"
    assert decide([past(**stable), past(2, **stable)], both).is_converged


def test_with_all_criteria_off_only_qualification_or_the_budget_end_learning():
    off = settings(uncertain_share=None)
    assert decide([past(0)], off).step == "round"
    assert decide([past(0)], off, can_qualify=True).step == "qualify"
    assert decide([past(0)], off, can_qualify=True, verdict=PASSED).is_converged
    assert decide([past(0)] * 3, off).criterion == "rounds"


def test_frames_that_failed_the_qualification_are_a_round_though_the_last_one_brought_no_label():
    # All frames of dynamics were certain, so that none was labelled; the longer runs of the qualification failed.
    quiet = [past(), past(0, n_selected=0, n_labelled=0)]
    assert decide(quiet, settings(), can_qualify=True).step == "qualify"
    found = decide(quiet, settings(), can_qualify=True, verdict=FAILED, n_offending=3)
    assert (found.step, found.criterion) == ("round", "qualification")
    assert decide(quiet, settings(), can_qualify=True, verdict=FAILED).criterion == "no new label"
    spent = decide(quiet, settings(max_rounds=2), can_qualify=True, verdict=FAILED, n_offending=3)
    assert (spent.step, spent.criterion) == ("end", "rounds")


def test_any_history_ends_within_its_budget_and_says_why():
    rng = np.random.default_rng(0)
    for _ in range(300):
        chosen = settings(
            max_rounds=int(rng.integers(0, 5)),
            label_budget=int(rng.integers(0, 60)),
            uncertain_share=rng.choice([None, 0.05]),
            quantity=None if rng.random() < 0.5 else QUANTITY,
            least_gain=rng.choice([None, 0.02]),
        )
        can_qualify, history, verdict, qualified = bool(rng.random() < 0.7), [], None, 0
        while (found := decide(history, chosen, can_qualify=can_qualify, verdict=verdict)).step != "end":
            assert found.reason
            assert not found.advice
            if found.step == "qualify":
                assert can_qualify
                assert verdict is None
                verdict, qualified = (PASSED, FAILED)[int(rng.integers(2))], qualified + 1
                continue
            assert label_budget_left(history, chosen.label_budget) > 0
            n_selected = int(rng.integers(0, 1 + label_budget_left(history, chosen.label_budget)))
            n_labelled = int(rng.integers(0, n_selected + 1))
            if n_labelled:
                verdict = None
            history.append(
                past(
                    int(rng.choice([0, 3, 40])),
                    n_selected=n_selected,
                    n_labelled=n_labelled,
                    held_out_error=float(rng.random()),
                    quantities=known(100.0, 5.0) if rng.random() < 0.5 else REFUSED,
                )
            )
        assert len(history) <= chosen.max_rounds
        assert qualified <= len(history) + 1
        assert not can_qualify or verdict is not None
        is_judged = chosen.uncertain_share is not None or chosen.quantity is not None or verdict == FAILED
        assert found.is_converged or found.advice or not history or not is_judged
        if found.is_converged and can_qualify:
            assert verdict == PASSED


def test_learning_of_a_fixed_form_ends_when_the_held_out_error_no_longer_falls():
    def after(*errors, **last):
        rounds = [past(n_selected=1, held_out_error=error) for error in errors]
        rounds[-1] |= last
        return decide(rounds, settings(least_gain=0.02))

    # 4.0 → 3.9 is 2.5 %, 3.9 → 3.85 is 1.3 %.
    assert after(4.0).step == "round"
    assert after(4.0, 3.9).step == "round"
    end = after(3.9, 3.85)
    assert (end.step, end.criterion) == ("end", "least gain")
    assert "lowered the held-out error by 1.3 %, and that is not more than 2 %" in end.reason
    # A run that broke is never the last, an unknown error decides nothing, and no setting asks for none of this.
    assert after(3.9, 3.85, stops={"r0": "bond torn"}).step == "round"
    assert after(3.9, None).step == "round"
    assert decide([past(n_selected=1, held_out_error=3.0)] * 2, settings()).step == "round"


def test_an_error_that_rises_is_reported_as_such():
    def after(least_gain, *errors):
        return decide([past(n_selected=1, held_out_error=error) for error in errors], settings(least_gain=least_gain))

    # 4.0 → 4.2 is 5 % more.
    end = after(0.02, 4.0, 4.2)
    assert end.step == "end"
    assert "the last labels raised the held-out error by 5.0 %, and least_gain is 0.02" in end.reason
    assert after(-0.1, 4.0, 4.2).step == "round"


def test_the_first_round_is_judged_by_the_error_before_it():
    def after(error, before):
        record = past(n_selected=1, held_out_error=error, held_out_error_before=before)
        return decide([record], settings(least_gain=0.02))

    # 4.0 → 3.96 is 1 %, 4.0 → 3.6 is 10 %.
    assert after(3.96, 4.0).step == "end"
    assert after(3.6, 4.0).step == "round"
    assert after(3.96, None).step == "round"
