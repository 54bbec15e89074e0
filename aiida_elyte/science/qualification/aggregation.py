"""Ions of one kind do not gather."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding, not_judged
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.qualification.known import thermal_frames
from aiida_elyte.science.settings import Positive, Settings

__all__ = ["Aggregation"]

_SOURCE = (
    "the labelled frames: hot dynamics fill the first shell of their radial distribution somewhat beyond the fullest "
    "labelled one, while ions that gather fill it several times over"
)
_REACH_A = 6.0
"""Like neighbours are looked for up to here [Å]."""
_MOST_FRAMES = 300
"""Labelled frames that the first shell is measured in, at equal steps through the set."""


@dataclass(frozen=True)
class Aggregation(Settings, Qualification):
    r"""The first shell of like atoms is not fuller than in the training set.

    With the radius within which an atom has one neighbour of its own element on the average of the labelled frames,
    the value is the largest ratio, over elements and replicas, of the mean number of such neighbours in the second half
    of a replica to that of the fullest labelled frame: the growth of the first peak of the radial distribution.
    """

    max_ratio: Positive = 1.5
    """Largest ratio [1]."""

    def judge(self, evidence: Evidence) -> Finding:
        """Return the largest ratio, and the frames beyond the limit."""
        labelled = thermal_frames(evidence.labelled, evidence.temperature_K)
        labelled = labelled[:: max(1, -(-len(labelled) // _MOST_FRAMES))]
        if not labelled or not len(evidence.sampled):
            why = "no labelled frame to compare with" if not labelled else "nothing was sampled"
            return not_judged(why, "1", self.max_ratio, _SOURCE)
        shells = {name: _shell(labelled, name) for name in sorted(set(evidence.sampled[0].get_chemical_symbols()))}
        shells = {name: shell for name, shell in shells.items() if shell is not None}
        if not shells:
            return not_judged("no element has two atoms within reach of each other", "1", self.max_ratio, _SOURCE)
        late = _second_halves(evidence.sampled)
        found = {
            name: np.array([_like_neighbours(frame, name, radius) / fullest for frame in evidence.sampled])
            for name, (radius, fullest) in ((name, shell) for name, shell in shells.items() if shell is not None)
        }
        means = {(name, place): float(ratios[late[place]].mean()) for name, ratios in found.items() for place in late}
        (name, place), value = max(means.items(), key=lambda item: item[1])
        passed = value <= self.max_ratio
        offending = {
            int(index): f"{one} has {ratios[index]:.2f} times the like neighbours of the fullest labelled frame"
            for one, ratios in found.items()
            for index in np.flatnonzero(ratios > self.max_ratio)
        }
        return Finding(
            value=value,
            unit="1",
            threshold=self.max_ratio,
            source=_SOURCE,
            passed=passed,
            offending={} if passed else offending,
            reason=f"{name} has {value:.2f} times the like neighbours of the fullest labelled frame, in {place[1]}",
        )


def _shell(labelled: list[Atoms], name: str) -> tuple[float, float] | None:
    """Return the radius of one like neighbour on the average, and the neighbours within it of the fullest frame."""
    chosen = [one for one in (frame[frame.symbols == name] for frame in labelled) if len(one)]
    distances = [neighbor_list("d", atoms, _REACH_A) for atoms in chosen]
    pooled, n_atoms = np.sort(np.concatenate([np.empty(0), *distances])), sum(map(len, chosen))
    if not n_atoms or len(pooled) < n_atoms:
        return None
    radius = float(pooled[n_atoms - 1])
    fullest = max((one <= radius).sum() / len(atoms) for one, atoms in zip(distances, chosen, strict=True))
    return radius, float(fullest)


def _like_neighbours(frame: Atoms, name: str, radius_A: float) -> float:
    """Return the like neighbours of an atom of an element within a radius, averaged over its atoms."""
    chosen = frame[frame.symbols == name]
    return len(neighbor_list("i", chosen, radius_A)) / len(chosen) if len(chosen) else 0.0


def _second_halves(sampled: Sequence[Atoms]) -> dict[tuple[str, str], np.ndarray]:
    """Return the indices of the later frames of each replica."""
    replicas: dict[tuple[str, str], list[int]] = {}
    for index, frame in enumerate(sampled):
        replicas.setdefault((str(frame.info.get("run")), str(frame.info.get("replica"))), []).append(index)
    return {place: np.array(indices[len(indices) // 2 :]) for place, indices in replicas.items()}
