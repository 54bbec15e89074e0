"""Radial distribution functions, in one pass over the frames."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.accumulator import Accumulator
from aiida_elyte.science.structure.pair_finder import PairFinder
from aiida_elyte.science.structure.records import TimeBlocks

__all__ = ["RadialDistribution", "RdfAccumulator", "radial_distribution"]

_MIN_BLOCKS = 8
"""Fewer blocks in time than this do not tell the error better than the number of pairs counted."""

_SIGNIFICANT = 3.0
"""Peaks and minima count when their error bars, this many times as long, leave a gap."""


@dataclass(frozen=True)
class RadialDistribution:
    """Density of one species around another, relative to its mean density."""

    pair: tuple[str, str]
    """Species at the centre, and species counted around it."""
    r_A: np.ndarray
    """Middle of each shell [Å], shape ``(B,)``."""
    g: np.ndarray
    """Radial distribution function, shape ``(B,)``."""
    g_error: np.ndarray
    """Its standard error: that of blocks in time, or that of the pairs counted where it is larger, shape ``(B,)``."""
    coordination: np.ndarray
    """Neighbours up to the outer edge of each shell, n(r), shape ``(B,)``."""
    coordination_error: np.ndarray
    """Its standard error, in the form of that of g, shape ``(B,)``."""
    first_peak_A: float | None
    """Distance of the first peak [Å]; ``None`` when no peak stands out of the noise."""
    first_minimum_A: float | None
    """Distance of the minimum after it [Å]; ``None`` when g does not rise again."""
    n_frames: int
    """Frames averaged over."""

    @property
    def first_shell(self) -> float | None:
        """Neighbours up to the first minimum; ``None`` when there is no minimum."""
        if self.first_minimum_A is None:
            return None
        return float(np.interp(self.first_minimum_A, self.r_A + (self.r_A[1] - self.r_A[0]) / 2, self.coordination))


class RdfAccumulator(Accumulator):
    r"""Radial distribution functions of chosen pairs of species, frame by frame.

    .. math:: g(r) = \frac{\langle n(r, r + dr) \rangle \langle V \rangle}
                          {N_a N_b \frac{4\pi}{3} [(r + dr)^3 - r^3]}

    with n the pairs in a shell, N_a the centres, N_b the atoms that each could have around it (one less when a = b),
    and V the volume. Memory is bounded by pairs × shells; cells may be triclinic and change.

    Parameters
    ----------
    species
        As in ``PairFinder``.
    pairs
        Species at the centre and species counted around it, for each function wanted.
    max_distance_A
        Largest distance [Å], at most half the narrowest width of the cell.
    n_shells
        Number of shells.

    Raises
    ------
    InputError
        If there is no pair or shell, a species is not there, or the distance is not positive.
    """

    def __init__(
        self,
        species: Sequence[str],
        pairs: Iterable[tuple[str, str]],
        max_distance_A: float = 6.0,
        n_shells: int = 120,
    ) -> None:
        self._finders = {(a, b): PairFinder(species, a, b, max_distance_A) for a, b in pairs}
        if not self._finders or n_shells < 2:
            raise InputError(
                f"{len(self._finders)} pairs and {n_shells} shells are wanted; expected a pair and two shells at least"
            )
        self._edges_A = np.linspace(0.0, max_distance_A, n_shells + 1)
        self._counts = TimeBlocks()
        self._volume_A3 = 0.0
        self._n_frames = 0

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:  # noqa: D102 - as in Accumulator
        counts = np.zeros((len(self._finders), len(self._edges_A) - 1))
        for row, finder in enumerate(self._finders.values()):
            for _, _, distance in finder.find(positions, cell):
                counts[row] += np.histogram(distance, self._edges_A)[0]
        self._counts.add(counts)
        self._volume_A3 += abs(float(np.linalg.det(cell)))
        self._n_frames += 1

    def state_dict(self) -> dict[str, np.ndarray]:  # noqa: D102 - as in Accumulator
        blocks, sums = self._counts.state()
        return {
            "blocks": blocks,
            "counts": np.array(sums),
            "volume_A3": np.array(self._volume_A3),
            "n_frames": np.array(self._n_frames),
        }

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:  # noqa: D102 - as in Accumulator
        self._counts.restore(state["blocks"], list(state["counts"]))
        self._volume_A3 = float(state["volume_A3"])
        self._n_frames = int(state["n_frames"])

    def finish(self) -> dict[tuple[str, str], RadialDistribution]:
        """Return the functions over the frames so far, by pair.

        Raises
        ------
        InputError
            If there was no frame.
        """
        if self._n_frames == 0:
            raise InputError("frames is empty; expected at least one frame")
        shells = 4 * math.pi / 3 * np.diff(self._edges_A**3)
        blocks = np.array(self._counts.sums) / self._counts.length
        found = {}
        for row, (pair, finder) in enumerate(self._finders.items()):
            expected = finder.n_possible * shells / (self._volume_A3 / self._n_frames)
            counts = self._counts.total()[row]
            error = _error(counts, blocks[:, row], self._n_frames)
            up_to = np.cumsum(counts), np.cumsum(blocks[:, row], axis=1)
            r, g, g_error = (
                (self._edges_A[1:] + self._edges_A[:-1]) / 2,
                counts / self._n_frames / expected,
                error / expected,
            )
            peak, minimum = _first_shell(g, g_error)
            found[pair] = RadialDistribution(
                pair=pair,
                r_A=r,
                g=g,
                g_error=g_error,
                coordination=up_to[0] / (self._n_frames * finder.n_centres),
                coordination_error=_error(*up_to, self._n_frames) / finder.n_centres,
                first_peak_A=None if peak is None else float(r[peak]),
                first_minimum_A=None if minimum is None else float(r[minimum].mean()),
                n_frames=self._n_frames,
            )
        return found


def _error(counts: np.ndarray, blocks: np.ndarray, n_frames: int) -> np.ndarray:
    """Return the error of counts a frame: that of blocks in time where they are enough, of the counts if larger."""
    error = np.sqrt(np.maximum(counts, 1.0)) / n_frames
    if len(blocks) < _MIN_BLOCKS:
        return np.asarray(error)
    return np.asarray(np.maximum(error, blocks.std(axis=0, ddof=1) / math.sqrt(len(blocks))))


def _first_shell(g: np.ndarray, error: np.ndarray) -> tuple[int | None, np.ndarray | None]:
    """Return the shell of the first peak, and those of the minimum after it, as far as the noise lets tell.

    A peak is one from which g later falls, a minimum one from which it later rises, by more than error bars explain.
    """
    lower, upper = g - _SIGNIFICANT * error, g + _SIGNIFICANT * error
    falls = upper < np.maximum.accumulate(lower)
    if not falls.any():
        return None, None
    peak = int(lower[: falls.argmax()].argmax())
    rises = lower[peak:] > np.minimum.accumulate(upper[peak:])
    if not rises.any():
        return peak, None
    before = upper[peak : peak + int(rises.argmax())]
    lowest = peak + int(before.argmin())
    is_above = lower > upper[lowest]
    start = lowest - int(np.append(is_above[peak:lowest][::-1], True).argmax())
    end = lowest + int(np.append(is_above[lowest:], True).argmax())
    return peak, np.arange(start, end)


def radial_distribution(
    frames: Iterable[Atoms], centre: str, around: str, max_distance_A: float = 6.0, n_shells: int = 120
) -> RadialDistribution:
    """Compute the radial distribution function of a pair of species over periodic frames of the same atoms.

    Parameters
    ----------
    frames
        Periodic frames.
    centre, around
        Species at the centre and species counted.
    max_distance_A, n_shells
        As in ``RdfAccumulator``.

    Raises
    ------
    InputError
        If there is no frame, a frame holds no such pair or has no volume, or the distance is too large for its cell.
    """
    accumulator: RdfAccumulator | None = None
    for frame in frames:
        if accumulator is None:
            accumulator = RdfAccumulator(frame.get_chemical_symbols(), [(centre, around)], max_distance_A, n_shells)
        accumulator.add(frame.positions, frame.cell.array)
    if accumulator is None:
        raise InputError("frames is empty; expected at least one frame")
    return accumulator.finish()[centre, around]
