from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.errors import InputError
from aiida_elyte.science.seeds.kind import SeedKind, make_seeds


@dataclass(frozen=True, kw_only=True)
class Making(SeedKind):
    """Makes what it is told to, or raises it."""

    seeds: Any = ()

    def make(self, structure, rng):
        if isinstance(self.seeds, Exception):
            raise self.seeds
        return self.seeds


CRYSTAL = bulk("LiCl", "rocksalt", a=5.13)


def seed(atoms=CRYSTAL, **info):
    made = atoms.copy()
    made.info = {"origin": "seed-own-000#0", **info}
    return made


def strayed(positions=True):
    made = seed()
    if positions:
        made.positions[0, 0] = np.nan
    else:
        made.cell[0, 0] = np.inf
    return made


def test_supercells_and_vacancies_are_seeds():
    seeds = [seed(), seed(CRYSTAL.repeat(2)), seed(CRYSTAL.repeat(2)[1:])]
    assert make_seeds("own", Making(seeds=seeds), CRYSTAL) == seeds


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        (None, "made None; expected a list of frames"),
        ([], r"made \[\]; expected a list of frames \(ase.Atoms\), one or more"),
        (seed(), r"made Atoms\(.*; expected a list of frames"),
        ([seed(), 3], r"made \[Atoms\(.*; expected a list of frames"),
        ([seed(), strayed()], "made seed 1 with coordinates that are not numbers; expected finite positions"),
        ([strayed(positions=False)], "made seed 0 with coordinates that are not numbers"),
        ([seed(bulk("NaCl", "rocksalt", a=5.6))], r"made seed 0 with Na; expected elements of the crystal \(Cl, Li\)"),
        ([seed(Atoms(cell=CRYSTAL.cell, pbc=True))], "made seed 0 without atoms"),
        ([seed(origin=None)], r'made seed 0 with the origin None; expected its block in info\["origin"\]'),
        ([seed(origin="")], "made seed 0 with the origin ''"),
        (ValueError("two\nlines"), "failed: ValueError: two lines; correct the plug-in"),
    ],
)
def test_what_cannot_be_labelled_is_rejected_with_the_name_of_the_kind(seeds, said):
    with pytest.raises(InputError, match=f"^kind of seeds 'own' {said}") as caught:
        make_seeds("own", Making(seeds=seeds), CRYSTAL)
    assert "\n" not in str(caught.value)


def test_a_kind_may_reject_the_structure_in_its_own_words():
    with pytest.raises(InputError, match=r"^no Na to swap$"):
        make_seeds("own", Making(seeds=InputError("no Na to swap")), CRYSTAL)


def test_the_structure_stays_whatever_a_kind_does_to_it():
    class Melting(Making):
        def make(self, structure, rng):
            structure.positions += 1.0
            return [seed()]

    before = CRYSTAL.copy()
    make_seeds("own", Melting(), CRYSTAL)
    assert before == CRYSTAL
