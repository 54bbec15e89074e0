"""A kind of seeds that is made where it is asked for."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from aiida_elyte.science.frames import round_frame
from aiida_elyte.science.seeds.kind import SeedKind
from aiida_elyte.science.settings import check_count

__all__ = ["Swap"]


@dataclass(frozen=True, kw_only=True)
class Swap(SeedKind):
    """Crystals in which two atoms of different elements have changed places."""

    count: int = 1
    """Number of seeds."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("count", self.count)

    def make(self, structure: Atoms, rng: np.random.Generator) -> list[Atoms]:
        """Return the seeds, every atom a little off its place."""
        seeds = []
        for number in range(self.count):
            seed = Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=structure.pbc)
            first = int(rng.integers(len(seed)))
            second = int(rng.choice(np.flatnonzero(seed.numbers != seed.numbers[first])))
            seed.positions[[first, second]] = seed.positions[[second, first]]
            seed.positions += rng.normal(0, 0.05, seed.positions.shape)
            seed.info["origin"] = f"seed-swap-{number:03d}#0"
            seeds.append(round_frame(seed))
        return seeds
