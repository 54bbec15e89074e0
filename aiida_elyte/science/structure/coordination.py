"""Coordination: how many neighbours of which kind an ion has, how that evolves, and who makes up its first shell."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from scipy import stats

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.structure.accumulator import Accumulator
from aiida_elyte.science.structure.pair_finder import PairFinder
from aiida_elyte.science.structure.records import TimeBlocks, estimate_mean

__all__ = ["Coordination", "CoordinationCounter"]

_Key = TypeVar("_Key")


@dataclass(frozen=True)
class Coordination:
    """Neighbours of the ions of one species within a distance."""

    centre: str
    """Species of the ions."""
    cutoffs_A: dict[str, float]
    """Distance within which each species counts as a neighbour [Å]."""
    time_fs: np.ndarray
    """Time of each frame [fs], shape ``(T,)``."""
    number: np.ndarray
    """Neighbours of each species, mean over the ions at each time, in the order of the cut-offs, shape ``(T, S)``."""
    mean: dict[str, Estimate | Refusal]
    """Mean number of neighbours of each species, and of all under ``total``."""
    numbers: dict[int, Estimate | Refusal]
    """Share of ions, in time, that have so many neighbours in all."""
    shells: dict[tuple[int, ...], Estimate | Refusal]
    """Share of ions whose shell holds so many of each species, in the order of the cut-offs; most frequent first."""


class CoordinationCounter(Accumulator):
    """Counts neighbours frame by frame; memory grows by one number a species and frame.

    Parameters
    ----------
    species
        As in ``PairFinder``.
    centre
        Species of the ions.
    cutoffs_A
        Distance within which each species counts as a neighbour [Å], e.g. the first minimum of its RDF.
    interval_fs
        Time between two frames [fs].

    Raises
    ------
    InputError
        If a species is not there, or a distance or the interval is not positive.
    """

    def __init__(self, species: Sequence[str], centre: str, cutoffs_A: Mapping[str, float], interval_fs: float) -> None:
        if not cutoffs_A:
            raise InputError("cutoffs_A is empty; expected a distance [Å] for each species around; give one")
        if not interval_fs > 0:
            raise InputError(f"interval_fs is {interval_fs}; expected the positive time between two frames [fs]")
        self._finders = [PairFinder(species, centre, around, cutoff) for around, cutoff in cutoffs_A.items()]
        self._centre, self._cutoffs_A, self._interval_fs = centre, dict(cutoffs_A), float(interval_fs)
        self._number: list[np.ndarray] = []
        self._shells = TimeBlocks()

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:  # noqa: D102 - as in Accumulator
        n_centres = self._finders[0].n_centres
        counts = np.zeros((n_centres, len(self._finders)), dtype=int)
        for column, finder in enumerate(self._finders):
            for i, _, _ in finder.find(positions, cell):
                counts[:, column] += np.bincount(i, minlength=n_centres)
        self._number.append(counts.mean(axis=0))
        shells, n_ions = np.unique(counts, axis=0, return_counts=True)
        self._shells.add(Counter(dict(zip(map(tuple, shells.tolist()), n_ions.tolist(), strict=True))))

    def state_dict(self) -> dict[str, np.ndarray]:  # noqa: D102 - as in Accumulator
        blocks, sums = self._shells.state()
        n_species = len(self._finders)
        return {
            "number": np.array(self._number).reshape(-1, n_species),
            "blocks": blocks,
            "n_kinds": np.array([len(counts) for counts in sums], dtype=int),
            "shells": np.array([shell for counts in sums for shell in counts], dtype=int).reshape(-1, n_species),
            "n_ions": np.array([n_ions for counts in sums for n_ions in counts.values()], dtype=int),
        }

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:  # noqa: D102 - as in Accumulator
        self._number = list(state["number"])
        kinds = iter(zip(map(tuple, state["shells"].tolist()), state["n_ions"].tolist(), strict=True))
        sums = [Counter(dict(islice(kinds, n_kinds))) for n_kinds in state["n_kinds"].tolist()]
        self._shells.restore(state["blocks"], sums)

    def finish(self) -> Coordination:
        """Return the coordination over the frames so far.

        Raises
        ------
        InputError
            If there was no frame.
        """
        if not self._number:
            raise InputError("no frame was counted; expected at least one; add frames")
        number = np.array(self._number)
        columns = {**dict(zip(self._cutoffs_A, number.T, strict=True)), "total": number.sum(axis=1)}
        mean = {
            name: estimate_mean(column, "1", f"number of neighbours of {self._centre} ({name})")
            for name, column in columns.items()
        }
        known = [one.n_effective for one in mean.values() if isinstance(one, Estimate)]
        n_blocks = int(min(known)) if len(known) == len(mean) else 0
        shells = self._shells.total()
        blocks = self._shells.joined(n_blocks) if n_blocks > 1 else []
        return Coordination(
            centre=self._centre,
            cutoffs_A=self._cutoffs_A,
            time_fs=np.arange(len(number)) * self._interval_fs,
            number=number,
            mean=mean,
            numbers=_shares(_by_number(shells), [_by_number(block) for block in blocks]),
            shells=_shares(dict(shells.most_common()), blocks),
        )


def _by_number(shells: Mapping[tuple[int, ...], int]) -> dict[int, int]:
    numbers: Counter[int] = Counter()
    for shell, count in shells.items():
        numbers[sum(shell)] += count
    return dict(sorted(numbers.items()))


def _shares(total: Mapping[_Key, int], blocks: Sequence[Mapping[_Key, int]]) -> dict[_Key, Estimate | Refusal]:
    """Return the share of each kind, with its error from blocks in time."""
    everything = sum(total.values())
    if len(blocks) < 2:
        reason = "the number of neighbours is correlated over too much of the run for an error bar; run longer"
        return {key: Refusal(f"share {count / everything:.3g}, but {reason}") for key, count in total.items()}
    shares: dict[_Key, Estimate | Refusal] = {}
    for key, count in total.items():
        value = count / everything
        samples = [block.get(key, 0) / sum(block.values()) for block in blocks]
        std = float(np.std(samples, ddof=1)) / math.sqrt(len(samples))
        half = float(stats.t.ppf(0.975, len(samples) - 1)) * std
        interval = max(0.0, value - half), min(1.0, value + half)
        method = f"share of ions and times, error from {len(samples)} blocks"
        shares[key] = Estimate(value, std, interval, "1", float(len(samples)), method)
    return shares
