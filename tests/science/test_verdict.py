"""Verdicts that travel with numbers."""

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.verdict import STATUSES, Verdict, quantities_of, worst_of


def test_a_verdict_comes_back_from_its_result() -> None:
    verdict = Verdict("molten", ("the P-S framework moved 2.1 Å",))
    assert Verdict.from_dict({"conductivity": {}, **verdict.as_dict()}) == verdict


def test_a_result_without_a_verdict_is_unqualified() -> None:
    verdict = Verdict.from_dict({"conductivity": {}})
    assert not verdict.is_qualified
    assert verdict.reasons


def test_only_what_is_not_qualified_has_a_mark() -> None:
    assert Verdict("qualified").mark == ""
    assert Verdict("not settled", ("density drifts",)).mark == "[not settled]"


@pytest.mark.parametrize(("status", "reasons"), [("fine", ("why",)), ("unqualified", ())])
def test_unknown_words_and_missing_reasons_are_rejected(status: str, reasons: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="verdict"):
        Verdict(status, reasons)


def test_quantities_are_what_is_neither_condition_nor_verdict() -> None:
    result = {"conductivity": {"value": 1.0}, "conditions": {}, "verdict": "qualified", "reasons": []}
    assert quantities_of(result) == {"conductivity": {"value": 1.0}}


def test_the_gravest_of_several_verdicts_speaks_with_the_reasons_of_all_that_are_not_qualified() -> None:
    fine = Verdict("qualified", ("nine tests passed",))
    untested = Verdict("unqualified", ("never tested",))
    molten = Verdict("molten", ("P moved 2 Å", "never tested"))
    assert worst_of([fine, untested, molten]) == Verdict("molten", ("P moved 2 Å", "never tested"))
    assert worst_of([fine]) == fine


def test_every_status_has_its_gravity() -> None:
    for status in STATUSES:
        assert worst_of([Verdict("qualified"), Verdict(status, ("why",))]).status == status
