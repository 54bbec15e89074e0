"""The contract of every kind of seeds, as a test class that its author inherits."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.record import check_record
from aiida_elyte.science.crystal import check_structure
from aiida_elyte.science.frames import block_of, labels_of, read_frames, write_frames
from aiida_elyte.science.seeds.kind import SeedKind

__all__ = ["SeedKindContract"]


class SeedKindContract:
    """Inherit, and give one fixture; ``tests/science/seeds/test_perturb.py`` is the shortest example.

    ``kind``
        A kind of seeds that makes some of the structure ``structure``.
    """

    @pytest.fixture
    def structure(self) -> Atoms:
        """Rock salt; override it where a kind needs another crystal."""
        return bulk("LiCl", "rocksalt", a=5.13, cubic=True)

    def test_is_a_frozen_record_of_its_settings(self, kind: SeedKind) -> None:
        """Settings are fields, checked as they are given, and never change."""
        check_record(kind, SeedKind)

    def test_makes_crystals_of_the_same_elements(self, kind: SeedKind, structure: Atoms) -> None:
        """Each seed passes the checks of a structure, and has no label yet."""
        seeds = _make(kind, structure)
        assert seeds
        for seed in seeds:
            check_structure(seed)
            assert set(seed.get_chemical_symbols()) <= set(structure.get_chemical_symbols())
            assert labels_of(seed) == {}

    def test_origins_differ_and_name_seeds(self, kind: SeedKind, structure: Atoms) -> None:
        """Blocks are what training and validation are split by."""
        seeds = _make(kind, structure)
        origins = [seed.info["origin"] for seed in seeds]
        assert len(set(origins)) == len(origins)
        assert all(block_of(seed).startswith("seed-") for seed in seeds)

    def test_same_randomness_same_seeds(self, kind: SeedKind, structure: Atoms) -> None:
        """Nothing but ``rng`` decides by chance, and the structure stays as it was."""
        before = structure.copy()
        first, second = _make(kind, structure), _make(kind, structure)
        assert structure == before
        assert first == second

    def test_seeds_survive_their_file(
        self, kind: SeedKind, structure: Atoms, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Coordinates are rounded to what a file of frames holds."""
        seeds, path = _make(kind, structure), tmp_path_factory.mktemp("seeds") / "seeds.extxyz"
        write_frames(seeds, path)
        for seed, back in zip(seeds, read_frames(path), strict=True):
            np.testing.assert_array_equal(seed.positions, back.positions)
            assert seed.info == back.info


def _make(kind: SeedKind, structure: Atoms) -> list[Atoms]:
    return kind.make(structure, np.random.default_rng(kind.seed))
