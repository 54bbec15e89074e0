"""Seeds that teach repulsion: two atoms of a crystal pushed together along their line, for every pair of elements."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from typing import Annotated

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.neighborlist import neighbor_list

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import round_frame
from aiida_elyte.science.repulsion import screened_repulsion
from aiida_elyte.science.seeds.kind import SeedKind
from aiida_elyte.science.settings import Count, NotNegative, Positive, Settings, check_between

__all__ = ["Repel"]

_FARTHEST = 1.2
"""Scans begin here, in sums of covalent radii, where two atoms are farther apart: beyond is ordinary to any sample."""
_SEARCH_A = 8.0
"""Within this distance partners are looked for [Å]: second neighbours of one element in any salt."""
_MOST_LINES = 12
"""Pairs of atoms whose lines are looked at for one pair of elements, nearest first."""
_SHALLOW = 0.75
"""Scans go on to this part of the sum of covalent radii [1] whatever the repulsion of the bare nuclei.

Hot dynamics of LGPS come to 0.81; of heavy atoms the nuclei repel each other far more there than the atoms do.
"""
_GRID = 400
"""Distances among which the end of a scan is looked for: hundredths of an Å."""


@dataclass(frozen=True, kw_only=True)
class Repel(SeedKind, Settings):
    """Scans of pairs: the atoms nearest to each other of every pair of elements, pushed together in equal steps.

    The two move on the line between them, their centre of mass at rest as in a collision; all atoms are rattled first,
    anew in each frame. A scan ends at ``least_factor`` of the sum of covalent radii, or before, where the screened
    repulsion of the bare nuclei would reach ``max_energy_eV``, but never above 0.75 of that sum. Steps at which a third
    atom would be nearer than ``min_distance_factor`` to another are left out, and so is a pair of elements that has no
    other step: such atoms shield each other. Each scan is one block (``origin`` ``"seed-repel-003#1"``). Shrunken cells
    are ``perturb``'s.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    count: Count = 1
    """Scans of each pair of elements."""
    n_steps: Count = 4
    """Frames of a scan; fewer where ``max_frames`` would be exceeded."""
    max_frames: Count = 60
    """Most frames in all."""
    least_factor: Annotated[
        float, partial(check_between, least=0.3, most=0.9, expected="a part of the sum of covalent radii")
    ] = 0.55
    """Where scans end, in sums of covalent radii [1]; hot dynamics of LGPS come to 0.81, two atoms overlap at 0.5."""
    max_energy_eV: Positive = 20.0
    """Repulsion of the bare nuclei at which scans end [eV]: forces of some 70 eV/Å, and a hundred k_B T at 2000 K.

    Beyond, pseudopotentials overlap and tight-binding parameters end, and a potential has its baseline.
    """
    amplitude_A: NotNegative = 0.08
    """Standard deviation of each Cartesian component of the random displacements [Å]."""
    min_distance_factor: Annotated[
        float, partial(check_between, least=0.0, most=1.0, expected="a part of the sum of covalent radii")
    ] = 0.65
    """No two atoms but the pair nearer than this, in sums of covalent radii [1]."""

    def __post_init__(self) -> None:
        SeedKind.__post_init__(self)
        Settings.__post_init__(self)

    def make(self, structure: Atoms, rng: np.random.Generator) -> list[Atoms]:
        """Return the frames, with ``origin`` and ``perturbation`` in ``info`` and coordinates rounded to 1e-8 Å.

        Parameters
        ----------
        structure
            Checked crystal.
        rng
            Source of randomness; each scan draws from a stream of its own.

        Raises
        ------
        InputError
            If there are more scans than ``max_frames``, or no pair can be pushed together.
        """
        plain = Atoms(numbers=structure.numbers, positions=structure.positions, cell=structure.cell, pbc=structure.pbc)
        elements = sorted(set(plain.numbers.tolist()))
        scans = [pair for pair in combinations_with_replacement(elements, 2) for _ in range(self.count)]
        n_steps = min(self.n_steps, self.max_frames // len(scans))
        if n_steps == 0:
            raise InputError(
                f"{len(scans)} scans are asked for; expected at most max_frames, which is {self.max_frames}; use fewer "
                "(count) or allow more frames"
            )
        seeds = []
        for number, (pair, own) in enumerate(zip(scans, rng.spawn(len(scans)), strict=True)):
            for step, seed in enumerate(self._scan(plain, pair, n_steps, own)):
                seed.info["origin"] = f"seed-repel-{number:03d}#{step}"
                seeds.append(round_frame(seed))
        if not seeds:
            raise InputError(
                f"no two atoms can be pushed together with every third one beyond min_distance_factor "
                f"{self.min_distance_factor:g} of another; use a smaller one, or leave this kind of seeds out"
            )
        return seeds

    def _scan(self, crystal: Atoms, pair: tuple[int, int], n_steps: int, rng: np.random.Generator) -> list[Atoms]:
        """Return the frames of one scan: those of the nearest pair of atoms that can be pushed through all steps.

        If no pair can, those of the pair that can be pushed through most of them.
        """
        best: list[Atoms] = []
        for first, second, vector in _lines(crystal, pair, rng):
            found = [
                frame
                for distance in self._distances(pair, float(np.linalg.norm(vector)), n_steps)
                if (frame := self._push(crystal, first, second, vector, distance, rng)) is not None
            ]
            if len(found) > len(best):
                best = found
            if len(best) == n_steps:
                break
        return best

    def _distances(self, pair: tuple[int, int], ordinary: float, n_steps: int) -> np.ndarray:
        """Return the distances of a scan [Å], each nearer than the one before, the first nearer than ordinary."""
        radii = float(covalent_radii[list(pair)].sum())
        start = min(ordinary, _FARTHEST * radii)
        grid = np.linspace(self.least_factor, max(self.least_factor, _SHALLOW), _GRID) * radii
        is_allowed = screened_repulsion(np.array(pair[0]), np.array(pair[1]), grid) <= self.max_energy_eV
        end = grid[np.argmax(is_allowed)] if is_allowed.any() else grid[-1]
        return np.linspace(start, end, n_steps + 1)[1:] if end < start else np.array([])

    def _push(
        self,
        crystal: Atoms,
        first: int,
        second: int,
        vector: np.ndarray,
        distance: float,
        rng: np.random.Generator,
    ) -> Atoms | None:
        """Return a rattled crystal with two atoms at a distance, or None if a third atom is in their way."""
        frame = crystal.copy()
        noise = self.amplitude_A * rng.standard_normal((len(frame), 3))
        frame.positions += noise
        line = vector + noise[second] - noise[first]
        missing = line * (1 - distance / np.linalg.norm(line))
        masses = frame.get_masses()[[first, second]]
        frame.positions[first] += missing * masses[1] / masses.sum()
        frame.positions[second] -= missing * masses[0] / masses.sum()
        if not _is_clear(frame, first, second, self.min_distance_factor):
            return None
        symbols = [chemical_symbols[crystal.numbers[end]] for end in (first, second)]
        frame.info["perturbation"] = f"{symbols[0]}-{symbols[1]} at {distance:.2f} Å"
        return frame


def _lines(crystal: Atoms, pair: tuple[int, int], rng: np.random.Generator) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield pairs of atoms of two elements and the vector between them [Å], nearest first, equal ones in any order."""
    i, j, vectors, distances = neighbor_list("ijDd", crystal, _SEARCH_A)
    of_pair = (crystal.numbers[i] == pair[0]) & (crystal.numbers[j] == pair[1]) & (i != j)
    places = rng.permutation(np.flatnonzero(of_pair))
    for place in places[np.argsort(np.round(distances[places], 2), kind="stable")][:_MOST_LINES]:
        yield int(i[place]), int(j[place]), vectors[place]


def _is_clear(frame: Atoms, first: int, second: int, least: float) -> bool:
    """Tell whether no two atoms but the pair are nearer than a part of the sum of their covalent radii."""
    radii = covalent_radii[frame.numbers]
    i, j, distances = neighbor_list("ijd", frame, least * radii)
    others = (i != first) | (j != second)
    others &= (i != second) | (j != first)
    return not (distances[others] < least * (radii[i] + radii[j])[others]).any()
