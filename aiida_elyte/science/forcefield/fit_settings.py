"""What the fit of a force field is told, checked before anything is labelled or fitted; imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import ChargeScale, Count, Flag, Positive, Settings, Whole, read_record

__all__ = ["FitKeywords", "FitSettings", "SplitSettings", "Target"]


@dataclass(frozen=True)
class SplitSettings(Settings):
    """Which frames train, validate and test."""

    by: str = "cluster"
    """``cluster`` or ``frame``."""
    shares: tuple[float, ...] = (60, 20, 20)
    """Shares of training, validation and test."""
    seed: Whole = 0
    """Seed of the split."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.by not in ("cluster", "frame"):
            raise InputError(f"by is {self.by!r}; expected 'cluster' or 'frame'")
        told = self.shares
        numbers = isinstance(told, list | tuple) and all(isinstance(one, int | float) and isfinite(one) for one in told)
        if not numbers or len(told) != 3 or told[0] <= 0 or min(told) < 0:
            raise InputError(f"shares is {told!r}; expected those of training, validation and test, as [60, 20, 20]")


@dataclass(frozen=True)
class Target(Settings):
    """What a force field is fitted to, and how closely."""

    terms: str = "class2"
    """``class2``, or ``class1`` for harmonic bonds and angles without cross terms."""
    charge_scale: ChargeScale = 1.0
    """What the charges of ions are multiplied by."""
    model_error: Positive = 4.0
    """Error that forces of the model are expected to have [kcal/mol/Å]: the larger, the more the priors say."""
    project_net_force: Flag = True
    """Whether the net force of each label is taken from it."""
    energy_error: Positive | None = None
    """Error that energies of the model are expected to have [kcal/mol]; without it forces alone are fitted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.terms not in ("class2", "class1"):
            raise InputError(f"terms is {self.terms!r}; expected class2 or class1; choose one")

    def as_record(self) -> dict[str, Any]:
        """Return it as a force field keeps it, units in the names."""
        return {
            "terms": self.terms,
            "charge_scale": self.charge_scale,
            "model_error_kcal_mol_A": self.model_error,
            "energy_error_kcal_mol": self.energy_error,
            "project_net_force": self.project_net_force,
        }


@dataclass(frozen=True)
class FitKeywords(Target):
    """Keywords of ``fit_discrete``, with its target."""

    depth: Count = 3
    """Bonds that an atom type looks at."""
    n_steps: Whole = 40
    """Most steps to take."""


@dataclass(frozen=True)
class FitSettings(Settings):
    """Settings of ``fit_forcefield``.

    Raises
    ------
    InputError
        If a key is unknown, or a value is invalid.
    """

    seed: Whole = 0
    """Seed of the bootstrap."""
    bootstrap: Flag = False
    """Whether the blocks of training frames are drawn anew with replacement."""
    split: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``SplitSettings``."""
    fit: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``FitKeywords``."""
    smiles: Mapping[str, str] | None = None
    """SMILES of systems by name, where the first frame shall not tell the bonds."""
    allow_mixed_levels: Flag = False
    """Whether labels of several levels of theory, or charges of several methods, are fitted together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        read_record(SplitSettings, self.split, "split")
        read_record(FitKeywords, self.fit, "fit")
        if self.smiles is not None and not isinstance(self.smiles, Mapping):
            raise InputError(f"smiles is {self.smiles!r}; expected name of a system → its SMILES")
