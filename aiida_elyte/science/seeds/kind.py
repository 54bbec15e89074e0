"""The door for kinds of seed frames, and what comes in by it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.doors import naming
from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import check_count

__all__ = ["SeedKind", "check_seeds", "make_seeds"]


@dataclass(frozen=True, kw_only=True)
class SeedKind(ABC):
    """A way to make the first frames that are labelled from a structure; a frozen dataclass, its fields the settings.

    A kind that needs jobs is a WorkChain instead, under a name of the same group. It takes ``start`` (``FramesData`` of
    one frame), what its class method ``get_builder_from_protocol(code, protocol, overrides, options)`` fills in, and
    returns ``frames`` that obey the same rules as those of ``make``.

    Raises
    ------
    InputError
        If a setting is invalid.
    """

    seed: int = 0
    """Seed of the randomness."""

    def __post_init__(self) -> None:
        check_count("seed", self.seed, 0)

    @abstractmethod
    def make(self, structure: Atoms, rng: np.random.Generator) -> list[Atoms]:
        """Return unlabelled frames, each with its block in ``info["origin"]`` as ``"seed-<what>-003#0"``.

        Parameters
        ----------
        structure
            Checked crystal, to be left as it is.
        rng
            The only source of randomness, made from ``seed``.

        Raises
        ------
        InputError
            If the settings do not fit the structure.
        """


def make_seeds(name: str, kind: SeedKind, structure: Atoms) -> list[Atoms]:
    """Return the seeds of a kind.

    Parameters
    ----------
    name
        What to call the kind.
    kind
        The kind.
    structure
        Checked crystal.

    Raises
    ------
    InputError
        If the kind rejects the structure, fails, or makes what cannot be labelled.
    """
    with naming(f"kind of seeds {name!r} failed"):
        seeds = kind.make(structure.copy(), np.random.default_rng(kind.seed))
    check_seeds(name, seeds, structure)
    return list(seeds)


def check_seeds(name: str, seeds: Any, structure: Atoms) -> None:
    """Reject what is not a list of frames of the structure's elements, with any number of atoms, each with its origin.

    Parameters
    ----------
    name
        What to call their kind.
    seeds
        What it made.
    structure
        What it made them of.

    Raises
    ------
    InputError
        Naming the kind and the first seed that is invalid.
    """
    what, remedy = f"kind of seeds {name!r}", "correct the plug-in, or leave it out"
    if not isinstance(seeds, list | tuple) or not seeds or not all(isinstance(one, Atoms) for one in seeds):
        raise InputError(f"{what} made {_short(seeds)}; expected a list of frames (ase.Atoms), one or more; {remedy}")
    elements = sorted(set(structure.get_chemical_symbols()))
    for number, seed in enumerate(seeds):
        if (invalid := _invalid(seed, elements)) is not None:
            raise InputError(f"{what} made seed {number} {invalid}; {remedy}")


def _invalid(seed: Atoms, elements: Sequence[str]) -> str | None:
    """Return what is wrong with a seed, and what was expected."""
    if not len(seed):
        return "without atoms; expected some of the crystal's"
    if not (np.isfinite(seed.positions).all() and np.isfinite(seed.cell.array).all()):
        return "with coordinates that are not numbers; expected finite positions and cell in Å"
    if strange := sorted(set(seed.get_chemical_symbols()) - set(elements)):
        return f"with {', '.join(strange)}; expected elements of the crystal ({', '.join(elements)})"
    origin = seed.info.get("origin")
    if not isinstance(origin, str) or not origin.strip():
        return f'with the origin {origin!r}; expected its block in info["origin"], as "seed-<what>-003#0"'
    return None


def _short(seeds: Any) -> str:
    return shorten(repr(seeds), 80, placeholder=" …")
