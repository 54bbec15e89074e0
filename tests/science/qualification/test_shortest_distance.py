import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.shortest_distance import ShortestDistance
from tests.science.qualification.runs import evidence, report


def row(*places, symbols=None):
    """Atoms on a line, not periodic."""
    return Atoms(symbols or ["Li"] + ["Cl"] * (len(places) - 1), [[x, 0, 0] for x in places])


KNOWN = [row(0, 2.0, 4.5), row(0, 2.2, 4.4)]
"""Shortest distances: Li-Cl 2.0, Cl-Cl 2.2; Li-Li is in none."""


class TestShortestDistance(QualificationContract):
    @pytest.fixture
    def mine(self):
        return ShortestDistance()

    @pytest.fixture
    def good(self):
        return Evidence([row(0, 1.9, 4.2)], KNOWN)

    @pytest.fixture
    def bad(self):
        return Evidence([row(0, 2.1, 4.4), row(0, 1.5, 4.4)], KNOWN)


def test_the_value_is_the_smallest_ratio_of_all_pairs():
    # Li-Cl 2.1 / 2.0 and Cl-Cl 2.09 / 2.2 = 0.95; in the second frame Li-Cl 1.8 / 2.0 = 0.9.
    finding = ShortestDistance(min_ratio=1.0).judge(Evidence([row(0, 2.1, 4.19), row(0, 1.8, 4.2)], KNOWN))
    assert finding.value == pytest.approx(0.9)
    assert finding.passed is False
    assert finding.offending == {
        0: "Cl-Cl at 0.950 of the shortest distance in the training set",
        1: "Cl-Li at 0.900 of the shortest distance in the training set",
    }


def test_a_longer_run_may_come_a_little_nearer():
    finding = ShortestDistance().judge(Evidence([row(0, 1.8, 4.2)], KNOWN))
    assert (finding.passed, finding.threshold, finding.offending) == (True, 0.8, {})


def test_a_look_between_two_sampled_frames_counts_and_blames_the_nearest():
    near = report(shortest_A__r1={"Cl-Na": {"distance": 0.3, "step": 410}})
    finding = ShortestDistance().judge(evidence(runs={"nvt": near}))
    assert finding.passed is False
    ((index, _),) = finding.offending.items()
    blamed = evidence().sampled[index].info
    assert (blamed["replica"], blamed["step"]) == ("r1", 400)
    assert ShortestDistance().judge(evidence()).passed is True


def test_seeds_that_teach_repulsion_are_no_measure():
    squeezed = evidence().labelled[0].copy()
    squeezed.positions[1] = squeezed.positions[0] + [0.4, 0, 0]
    squeezed.calc = type(evidence().labelled[0].calc)(squeezed, energy=5.0, forces=np.full((8, 3), 40.0))
    near = {"nvt": report(shortest_A__r1={"Cl-Na": {"distance": 0.5, "step": 400}})}
    assert ShortestDistance().judge(evidence(runs=near, labelled=[*evidence().labelled, squeezed])).passed is False


def test_a_pair_that_was_never_seen_counts_from_the_cutoff():
    finding = ShortestDistance().judge(Evidence([row(0, 3.0, symbols=["Li", "Li"])], KNOWN))
    assert finding.value == pytest.approx(3.0 / 4.0)
    assert finding.passed is False


def test_distances_go_through_the_boundary():
    cell = Atoms("LiCl", [[0.1, 0, 0], [8.6, 0, 0]], cell=[10, 10, 10], pbc=True)
    assert ShortestDistance().judge(Evidence([cell], KNOWN)).value == pytest.approx(1.5 / 2.0)


def test_a_frame_that_is_not_finite_fails():
    finding = ShortestDistance().judge(Evidence([row(0, np.nan, 4.4)], KNOWN))
    assert (finding.value, finding.passed) == (None, False)
    assert finding.offending[0].startswith("not finite")


def test_without_labelled_frames_it_is_not_judged():
    finding = ShortestDistance().judge(evidence(labelled=[]))
    assert finding.passed is None
    assert finding.reason == "no labelled frame to compare with"


def test_invalid_settings_are_rejected():
    with pytest.raises(InputError, match="min_ratio is 0; expected a positive number"):
        ShortestDistance(min_ratio=0)
