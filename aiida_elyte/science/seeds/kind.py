"""The door for kinds of seed frames."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from aiida_elyte.science.settings import check_count

__all__ = ["SeedKind"]


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
