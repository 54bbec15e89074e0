"""The contract of every filter, as a test class that its author inherits."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.record import check_record
from aiida_elyte.science.learning.filters import Filter, filter_frames

__all__ = ["FilterContract"]


class FilterContract:
    """Inherit, and give two fixtures; ``tests/science/learning/test_filters.py`` is the shortest example.

    ``mine``
        A filter.
    ``bad``
        A frame of the salt ``reference`` that it sets aside; the reference itself passes.
    """

    @pytest.fixture
    def reference(self) -> Atoms:
        """Rock salt at rest, with what sampling says about a frame; override it where a filter needs another."""
        reference = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
        reference.info |= {"temperature_K": 300.0, "potential_energy_eV": -20.0}
        return reference

    def test_is_a_frozen_record_of_its_settings(self, mine: Filter) -> None:
        """Settings are fields, checked as they are given, and never change."""
        check_record(mine, Filter)

    def test_the_reference_passes_and_a_bad_frame_has_its_reason(
        self, mine: Filter, reference: Atoms, bad: Atoms
    ) -> None:
        """The reason is a sentence of one line."""
        assert mine.reason(reference.copy(), reference) is None
        reason = mine.reason(bad, reference)
        assert reason is not None
        assert len(reason) > 10
        assert "\n" not in reason
        assert filter_frames([reference, bad, reference], reference, {"mine": mine}) == ([0, 2], {1: reason})

    def test_frames_are_left_as_they_are(self, mine: Filter, reference: Atoms, bad: Atoms) -> None:
        """A filter changes nothing."""
        before = bad.copy()
        mine.reason(bad, reference)
        assert bad == before
        assert bad.info == before.info

    def test_the_place_of_the_origin_does_not_matter(self, mine: Filter, reference: Atoms, bad: Atoms) -> None:
        """A frame that drifted as a whole is judged as it was."""
        for frame in (reference.copy(), bad):
            moved = frame.copy()
            moved.positions += np.array([0.3, -7.0, 11.0])
            assert (mine.reason(moved, reference) is None) == (mine.reason(frame, reference) is None)
