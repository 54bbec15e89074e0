"""The contract of every test of qualification, as a test class that its author inherits."""

import json
from dataclasses import replace

from aiida_elyte.contracts.record import check_record
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.kind import Qualification

__all__ = ["QualificationContract"]


class QualificationContract:
    """Inherit, and give three fixtures, as ``tests/science/qualification/test_shortest_distance.py`` does.

    ``mine``
        A test of qualification.
    ``good``
        Evidence that passes.
    ``bad``
        Evidence that fails.
    """

    def test_is_a_frozen_record_of_its_settings(self, mine: Qualification) -> None:
        """Settings are fields, checked as they are given, and never change."""
        check_record(mine, Qualification)

    def test_good_evidence_passes_and_bad_does_not(self, mine: Qualification, good: Evidence, bad: Evidence) -> None:
        """A finding holds a number; if it failed, it names the frames."""
        passed, failed = mine.judge(good), mine.judge(bad)
        assert passed.passed is True
        assert passed.value is not None
        assert passed.offending == {}
        assert failed.passed is False
        assert failed.offending
        assert all(0 <= index < len(bad.sampled) and reason for index, reason in failed.offending.items())

    def test_the_threshold_has_a_source(self, mine: Qualification, good: Evidence) -> None:
        """No limit without a reason; value and limit have one unit."""
        finding = mine.judge(good)
        assert len(finding.source) > 10
        assert finding.unit

    def test_nothing_sampled_is_not_judged(self, mine: Qualification, good: Evidence) -> None:
        """A test that had nothing to look at neither passes nor fails."""
        finding = mine.judge(replace(good, sampled=[], runs={}))
        assert finding.value is None
        assert finding.passed is None

    def test_findings_can_be_stored(self, mine: Qualification, bad: Evidence) -> None:
        """A finding goes into the database as JSON and comes back the same."""
        found = mine.judge(bad).as_dict()
        assert json.loads(json.dumps(found, allow_nan=False)) == found

    def test_evidence_is_left_as_it_is(self, mine: Qualification, bad: Evidence) -> None:
        """A test changes nothing."""
        before = [frame.copy() for frame in [*bad.sampled, *bad.labelled]]
        mine.judge(bad)
        assert [*bad.sampled, *bad.labelled] == before
