"""The polyhedra of the framework keep their corners."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import Settings, Share

__all__ = ["Coordination"]

_SOURCE = (
    "no bond of a framework breaks in dynamics of a conductor that is stable at that temperature; a twentieth leaves "
    "room for vibrations beyond the middle between first and second shell"
)
_BOND = 1.25
"""Framework atoms nearer than this times the sum of their covalent radii are bonded: longer than any bond of the
survey behind these radii (doi:10.1039/b801115j), shorter than a second shell."""
_REACH_A = 8.0
"""Second shells are looked for up to here [Å]."""


@dataclass(frozen=True)
class Coordination(Settings, Qualification):
    """Framework atoms keep the number of bonded neighbours that they have in the start, as P its four S.

    A neighbour counts up to the middle between the longest bond of the start and the next distance. Of two elements the
    one with fewer atoms is the centre. The value is the share of centres with another number of neighbours, averaged
    over the sampled frames.
    """

    max_changed: Share = 0.05
    """Largest share of changed centres [1]."""
    needs_framework = True

    def judge(self, evidence: Evidence) -> Finding:
        """Return the share of changed centres, and the frames in which it is beyond the limit."""
        if evidence.start is None or not evidence.framework:
            return not_judged("no framework is named", "1", self.max_changed, _SOURCE)
        shells = _shells(evidence.start, evidence.framework)
        if not shells or not len(evidence.sampled):
            why = "framework atoms have no bonds to each other" if not shells else "nothing was sampled"
            return not_judged(why, "1", self.max_changed, _SOURCE)
        changed = {pair: np.zeros((len(evidence.sampled), 2)) for pair in shells}
        for pair, cutoff_A in shells.items():
            expected = _count(evidence.start, pair, cutoff_A)
            for index, frame in enumerate(evidence.sampled):
                changed[pair][index] = (_count(frame, pair, cutoff_A) != expected).sum(), len(expected)
        total = np.sum(list(changed.values()), axis=0)
        shares = total[:, 0] / total[:, 1]
        value, passed = float(shares.mean()), bool(shares.mean() <= self.max_changed)
        worst = max(changed, key=lambda pair: float(changed[pair][:, 0].mean() / changed[pair][0, 1]))
        offending = {
            int(index): f"{shares[index]:.0%} of framework atoms have another coordination than in the start"
            for index in np.flatnonzero(shares > self.max_changed)
        }
        return Finding(
            value=value,
            unit="1",
            threshold=self.max_changed,
            source=_SOURCE,
            passed=passed,
            offending={} if passed else offending,
            reason=f"{value:.1%} of framework atoms changed their coordination, most that of {worst[0]} by {worst[1]}",
        )


def _shells(start: Atoms, framework: tuple[str, ...]) -> dict[tuple[str, str], float]:
    """Return the pairs of framework species with bonds, centre first, and where their first shell ends [Å]."""
    shells = {}
    counts = {name: start.get_chemical_symbols().count(name) for name in sorted(set(framework))}
    for centre, corner in permutations(counts, 2):
        if (counts[centre], centre) > (counts[corner], corner) or not counts[centre]:
            continue
        radii = sum(covalent_radii[Atoms(name).numbers[0]] for name in (centre, corner))
        distances = np.sort(neighbor_list("d", start, {(centre, corner): _REACH_A})) if counts[corner] else np.empty(0)
        bonds, others = distances[distances < _BOND * radii], distances[distances >= _BOND * radii]
        if len(bonds):
            shells[centre, corner] = float((bonds.max() + (others.min() if len(others) else _REACH_A)) / 2)
    return shells


def _count(frame: Atoms, pair: tuple[str, str], cutoff_A: float) -> np.ndarray:
    """Return the neighbours of each centre within a cutoff."""
    symbols = np.array(frame.get_chemical_symbols())
    first = neighbor_list("i", frame, {pair: cutoff_A})
    counts = np.bincount(first, minlength=len(frame))
    found: np.ndarray = counts[symbols == pair[0]]
    return found
