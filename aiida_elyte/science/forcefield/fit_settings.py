"""What the fit of a force field is told, checked before anything is labelled or fitted; imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import check_count, check_flag, check_positive, read_record

__all__ = ["FitKeywords", "FitSettings", "SplitSettings"]


@dataclass(frozen=True)
class SplitSettings:
    """Which frames train, validate and test.

    Raises
    ------
    InputError
        If it is none.
    """

    by: str = "cluster"
    """``cluster`` or ``frame``."""
    shares: tuple[float, ...] = (60, 20, 20)
    """Shares of training, validation and test."""
    seed: int = 0
    """Seed of the split."""

    def __post_init__(self) -> None:
        if self.by not in ("cluster", "frame"):
            raise InputError(f"by is {self.by!r}; expected 'cluster' or 'frame'")
        told = self.shares
        numbers = isinstance(told, list | tuple) and all(isinstance(one, int | float) and isfinite(one) for one in told)
        if not numbers or len(told) != 3 or told[0] <= 0 or min(told) < 0:
            raise InputError(f"shares is {told!r}; expected those of training, validation and test, as [60, 20, 20]")
        check_count("seed", self.seed, 0)


@dataclass(frozen=True)
class FitKeywords:
    """Keywords of ``fit_discrete``.

    Raises
    ------
    InputError
        If a value is invalid.
    """

    terms: str = "class2"
    """``class2``, or ``class1`` for harmonic bonds and angles without cross terms."""
    depth: int = 3
    """Bonds that an atom type looks at."""
    charge_scale: float = 1.0
    """What the charges of ions are multiplied by."""
    model_error: float = 4.0
    """Error that forces of the model are expected to have [kcal/mol/Å]."""
    project_net_force: bool = True
    """Whether the net force of each label is taken from it."""
    energy_error: float | None = None
    """Error that energies of the model are expected to have [kcal/mol]; without it forces alone are fitted."""
    n_steps: int = 40
    """Most steps to take."""

    def __post_init__(self) -> None:
        if self.terms not in ("class2", "class1"):
            raise InputError(f"terms is {self.terms!r}; expected class2 or class1; choose one")
        check_count("depth", self.depth)
        check_count("n_steps", self.n_steps, 0)
        check_positive("charge_scale", self.charge_scale)
        check_positive("model_error", self.model_error)
        if self.energy_error is not None:
            check_positive("energy_error", self.energy_error)
        check_flag("project_net_force", self.project_net_force)


@dataclass(frozen=True)
class FitSettings:
    """Settings of ``fit_forcefield``.

    Raises
    ------
    InputError
        If a key is unknown, or a value is invalid.
    """

    seed: int = 0
    """Seed of the bootstrap."""
    bootstrap: bool = False
    """Whether the blocks of training frames are drawn anew with replacement."""
    split: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``SplitSettings``."""
    fit: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``FitKeywords``."""
    smiles: Mapping[str, str] | None = None
    """SMILES of systems by name, where the first frame shall not tell the bonds."""
    allow_mixed_levels: bool = False
    """Whether labels of several levels of theory, or charges of several methods, are fitted together."""

    def __post_init__(self) -> None:
        check_count("seed", self.seed, 0)
        check_flag("bootstrap", self.bootstrap)
        read_record(SplitSettings, self.split, "split")
        read_record(FitKeywords, self.fit, "fit")
        if self.smiles is not None and not isinstance(self.smiles, Mapping):
            raise InputError(f"smiles is {self.smiles!r}; expected name of a system → its SMILES")
        check_flag("allow_mixed_levels", self.allow_mixed_levels)
