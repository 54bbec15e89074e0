"""Coordination: how many neighbours of which kind an ion has, how that evolves, and who makes up its first shell."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from scipy import stats
from scipy.spatial import cKDTree

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import Estimate, Refusal
from aiida_elyte.science.structure.records import TimeBlocks, estimate_mean

__all__ = ["Coordination", "CoordinationCounter", "PairFinder", "half_width"]

_Key = TypeVar("_Key")

_MAX_PAIRS = 2_000_000
"""Pairs looked at together: bounds the memory to some 100 MB."""


class PairFinder:
    """Finds the pairs of two species within a distance in frame after frame, at a cost linear in the atoms.

    The cell may be triclinic and change. Atoms come with their images beyond the faces as far as the distance reaches.

    Parameters
    ----------
    species
        Species of each atom: chemical symbols, or names of your own such as ``O_ether``, shape ``(n_atoms,)``.
    centre, around
        Species at the centre, and species looked for around it; they may be the same.
    reach_A
        Largest distance [Å].

    Raises
    ------
    InputError
        If a species is not there, makes no pair, or the distance is not positive.
    """

    def __init__(self, species: Sequence[str], centre: str, around: str, reach_A: float) -> None:
        names = np.asarray(species, dtype=str)
        self._centres, self._around = np.flatnonzero(names == centre), np.flatnonzero(names == around)
        self._is_same = centre == around
        self._reach_A = float(reach_A)
        self._shape = (len(names), 3)
        if self.n_possible < 1:
            raise InputError(
                f"atoms make no pair of {centre} and {around}; expected species among "
                f"{', '.join(sorted(set(names.tolist())))}; choose a pair that is there"
            )
        if not (math.isfinite(reach_A) and reach_A > 0):
            raise InputError(f"distance of {centre} and {around} is {reach_A} Å; expected a positive number")

    @property
    def n_centres(self) -> int:
        """Atoms at the centre."""
        return len(self._centres)

    @property
    def n_around(self) -> int:
        """Atoms looked for around them."""
        return len(self._around)

    @property
    def n_possible(self) -> int:
        """Ordered pairs of two different atoms."""
        return self.n_centres * (self.n_around - self._is_same)

    def find(self, positions: np.ndarray, cell: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Find the pairs of one frame, in portions that fit into memory.

        Parameters
        ----------
        positions
            Positions of all atoms, wrapped or not [Å], shape ``(n_atoms, 3)``.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``.

        Yields
        ------
        tuple
            Number of the centre among the centres, number of the other among those around, and distance [Å], each of
            shape ``(n_pairs,)``.

        Raises
        ------
        InputError
            If positions or cell cannot be used, or the distance exceeds half the narrowest width of the cell.
        """
        positions, cell = np.asarray(positions, float), np.asarray(cell, float)
        if positions.shape != self._shape or not np.isfinite(positions).all():
            raise InputError(
                f"positions have shape {positions.shape}; expected finite ones of shape {self._shape}; "
                "keep all atoms in every frame"
            )
        volume = abs(float(np.linalg.det(cell))) if cell.shape == (3, 3) else 0.0
        if not volume > 0:
            raise InputError("cell has no volume; expected three cell vectors; set the cell")
        inverse = np.linalg.inv(cell)
        widths = 1 / np.linalg.norm(inverse, axis=0)
        if self._reach_A > 0.5 * widths.min() * (1 + 1e-9):
            raise InputError(
                f"distance {self._reach_A:g} Å exceeds half the narrowest width of the cell, {widths.min() / 2:.4g} Å; "
                "expected at most that; shorten it, or take a larger cell"
            )
        others, image_of = _with_images(_fractions(positions[self._around], inverse), self._reach_A / widths)
        tree = cKDTree(others @ cell)
        centres = _fractions(positions[self._centres], inverse) @ cell
        per_centre = 1 + self.n_around * 4 * math.pi / 3 * self._reach_A**3 / volume
        portion = max(1, int(_MAX_PAIRS / per_centre))
        for start in range(0, len(centres), portion):
            near = cKDTree(centres[start : start + portion]).sparse_distance_matrix(
                tree, self._reach_A, output_type="ndarray"
            )
            i, j, distance = near["i"] + start, image_of[near["j"]], near["v"]
            if self._is_same:
                others_only = i != j
                i, j, distance = i[others_only], j[others_only], distance[others_only]
            yield i, j, distance


def half_width(cell: np.ndarray) -> float:
    """Return half the narrowest width of a cell [Å]: beyond it, an atom may meet two images of another.

    Parameters
    ----------
    cell
        Rows are the cell vectors [Å], shape ``(3, 3)``.
    """
    return float(0.5 / np.linalg.norm(np.linalg.inv(cell), axis=0).max())


def _fractions(positions: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    scaled = positions @ inverse
    return np.asarray(scaled - np.floor(scaled))


def _with_images(scaled: np.ndarray, margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scaled positions with their images within a margin of the cell, and the atom that each one is."""
    owners = np.arange(len(scaled))
    for axis, margin in enumerate(margins + 1e-9):
        shift = np.eye(3)[axis]
        low, high = scaled[:, axis] < margin, scaled[:, axis] > 1 - margin
        scaled = np.concatenate([scaled, scaled[low] + shift, scaled[high] - shift])
        owners = np.concatenate([owners, owners[low], owners[high]])
    return scaled, owners


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


class CoordinationCounter:
    """Counts neighbours frame by frame; memory grows by one number a species and frame.

    Parameters
    ----------
    species
        Species of each atom: chemical symbols, or names of your own such as ``O_ether``, shape ``(n_atoms,)``.
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

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:
        """Take in the next frame.

        Parameters
        ----------
        positions, cell
            As in ``PairFinder.find``.

        Raises
        ------
        InputError
            If positions or cell cannot be used, or a cut-off exceeds half the narrowest width of the cell.
        """
        n_centres = self._finders[0].n_centres
        counts = np.zeros((n_centres, len(self._finders)), dtype=int)
        for column, finder in enumerate(self._finders):
            for i, _, _ in finder.find(positions, cell):
                counts[:, column] += np.bincount(i, minlength=n_centres)
        self._number.append(counts.mean(axis=0))
        shells, n_ions = np.unique(counts, axis=0, return_counts=True)
        self._shells.add(Counter(dict(zip(map(tuple, shells.tolist()), n_ions.tolist(), strict=True))))

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on later, as arrays."""
        blocks, sums = self._shells.state()
        n_species = len(self._finders)
        return {
            "number": np.array(self._number).reshape(-1, n_species),
            "blocks": blocks,
            "n_kinds": np.array([len(counts) for counts in sums], dtype=int),
            "shells": np.array([shell for counts in sums for shell in counts], dtype=int).reshape(-1, n_species),
            "n_ions": np.array([n_ions for counts in sums for n_ions in counts.values()], dtype=int),
        }

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where ``state_dict`` was taken of a counter of the same atoms and cut-offs."""
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
