"""The contract of every selector, as a test class that its author inherits."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.record import check_record
from aiida_elyte.science.frames import attach_committee
from aiida_elyte.science.learning.calibration import Calibration, CalibrationSettings, uncalibrated
from aiida_elyte.science.learning.selection import Candidates, Selector

__all__ = ["SelectorContract"]


class SelectorContract:
    """Inherit, and give one fixture; ``tests/science/learning/test_selection.py`` is the shortest example.

    ``selector``
        A selector with settings under which some frames with spreads from 0 to 1 eV/Å are worth a label.
    """

    def test_is_a_frozen_record_of_its_settings(self, selector: Selector) -> None:
        """Settings are fields, checked as they are given, and never change."""
        check_record(selector, Selector)

    @pytest.mark.parametrize("n_select", [1, 3, 50])
    @pytest.mark.parametrize("calibrated", [False, True])
    def test_chooses_candidates_each_once(self, selector: Selector, n_select: int, calibrated: bool) -> None:
        """Indices are those of candidates, distinct, no more than asked for; with calibrated errors and without."""
        candidates = _candidates(calibrated)
        chosen = selector.select(candidates, n_select, np.random.default_rng(0))
        assert 0 < len(chosen) <= min(n_select, len(candidates.frames))
        assert len(set(chosen)) == len(chosen)
        assert all(isinstance(index, int) and 0 <= index < len(candidates.frames) for index in chosen)

    def test_same_randomness_same_choice(self, selector: Selector) -> None:
        """Nothing but ``rng`` decides by chance."""
        first, second = (selector.select(_candidates(), 4, np.random.default_rng(7)) for _ in range(2))
        assert first == second

    def test_leaves_candidates_as_they_are(self, selector: Selector) -> None:
        """Neither frames nor numbers are changed."""
        given, before = _candidates(), _candidates()
        selector.select(given, 4, np.random.default_rng(0))
        selector.are_uncertain(given)
        assert list(given.frames) == list(before.frames)
        assert list(given.known) == list(before.known)
        np.testing.assert_array_equal(given.spreads_eV_A, before.spreads_eV_A)

    def test_nothing_to_choose_from_is_no_error(self, selector: Selector) -> None:
        """No candidate, no choice."""
        none = replace(_candidates(), frames=[], spreads_eV_A=np.zeros(0))
        assert list(selector.select(none, 3, np.random.default_rng(0))) == []
        assert selector.are_uncertain(none).shape == (0,)

    def test_says_of_each_frame_whether_it_is_uncertain(self, selector: Selector) -> None:
        """One answer for each frame."""
        uncertain = selector.are_uncertain(_candidates())
        assert uncertain.shape == (12,)
        assert uncertain.dtype == bool

    @pytest.mark.parametrize("calibrated", [False, True])
    def test_gives_a_probability_and_a_reason_for_each_frame(self, selector: Selector, calibrated: bool) -> None:
        """Probabilities lie between 0 and 1, or there are none; reasons are words of one line."""
        candidates = _candidates(calibrated)
        found = selector.probabilities(candidates)
        if found is not None:
            assert found.shape == (12,)
            assert ((found >= 0) & (found <= 1)).all()
        reasons = selector.explain(candidates, selector.select(candidates, 3, np.random.default_rng(0)))
        assert len(reasons) == 12
        assert all(reason.strip() and "\n" not in reason for reason in reasons)

    def test_frames_without_the_spread_of_their_atoms_will_do(self, selector: Selector) -> None:
        """Some samplers know only the largest spread of a frame."""
        candidates = _candidates(with_atoms=False)
        assert len(selector.select(candidates, 3, np.random.default_rng(0))) > 0
        assert selector.are_uncertain(candidates).shape == (12,)


def _candidates(calibrated: bool = False, with_atoms: bool = True) -> Candidates:
    spreads = np.linspace(0.0, 1.0, 12)
    frames = [_frame(seed, 0.05 + 0.3 * spread) for seed, spread in enumerate(spreads)]
    for frame, spread in zip(frames, spreads, strict=True):
        frame.info |= {"spread_max_eV_A": float(spread), "spread_mean_eV_A": 0.6 * float(spread)}
        if with_atoms:
            attach_committee(frame, np.zeros((8, 3)), np.linspace(0.2, 1.0, 8) * spread)
    known = [_frame(seed, 0.05) for seed in (100, 101)]
    return Candidates(frames, spreads, known, _calibration() if calibrated else None)


def _calibration() -> Calibration:
    """Return a calibration in which the error is three times the spread."""
    return uncalibrated(CalibrationSettings(default_factor=3.0), "nothing is fitted here")


def _frame(seed: int, width_A: float) -> Atoms:
    frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    frame.positions += np.random.default_rng(seed).normal(0, width_A, frame.positions.shape)
    return frame
