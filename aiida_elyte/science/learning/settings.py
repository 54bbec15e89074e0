"""Settings of active learning, checked before anything is labelled; those of plug-ins are checked by the plug-ins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.learning.calibration import CalibrationSettings
from aiida_elyte.science.settings import (
    Count,
    Number,
    Positive,
    Settings,
    Share,
    Whole,
    check_count,
    check_number,
    read_record,
)

__all__ = ["LearningSettings", "QuantitySettings", "SelectionSettings"]


@dataclass(frozen=True)
class QuantitySettings(Settings):
    """The quantity of interest, which rounds of learning must leave unchanged: conductivity, else diffusion."""

    charges: Mapping[str, float]
    """Charge of each mobile species [e]; the crystal street has them."""
    n_errors: Positive = 2.0
    """Two rounds agree within this many standard errors of their difference [1]; 1.96 is 95 %."""
    max_relative_error: Positive = 0.5
    """Largest standard error of an estimate that can show a change, relative to the estimate [1]: at 0.5 the interval
    of 95 % spans zero to twice the value."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.charges, Mapping) or not self.charges:
            raise InputError(f"charges is {self.charges!r}; expected the charge of each mobile species in e")
        for species, charge in self.charges.items():
            check_number(f"charges.{species}", charge)


@dataclass(frozen=True)
class SelectionSettings(Settings):
    """Which of the sampled frames are labelled."""

    selector: str
    """Name of the selector."""
    n_select: Count
    """Most frames a round."""
    selection: Mapping[str, Any]
    """Settings of the selector."""
    filters: Mapping[str, Any]
    """Settings of each filter under its name; ``None`` in place of settings switches a filter off."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("selection", "filters"):
            if not isinstance(getattr(self, name), Mapping):
                raise InputError(f"{name} is {getattr(self, name)!r}; expected a mapping with settings")


@dataclass(frozen=True)
class LearningSettings(Settings):
    """Settings of the rounds of active learning."""

    max_rounds: Whole
    """Most rounds; 0 labels nothing more."""
    label_budget: Whole
    """Labels that all rounds together may cost."""
    sampling: Mapping[str, Any]
    """``n_replicas`` and ``seed``, and settings of the sampler."""
    selection: Mapping[str, Any]
    """Fields of ``SelectionSettings``."""
    uncertain_share: Share | None = None
    """Share of uncertain frames at which learning ends [1]; ``None``: it does not end by it."""
    quantity: Mapping[str, Any] | None = None
    """Fields of ``QuantitySettings``: learning ends when the quantity of interest has not changed over two rounds;
    ``None``: it does not end by it."""
    calibration: Mapping[str, Any] | None = None
    """Fields of ``CalibrationSettings``: the labels of each round, before they are trained on, say what the spread of
    the committee is worth; ``None``: it is taken for what it is."""
    least_gain: Number | None = None
    """Share by which a round has to lower the held-out error for another to follow [1]; any where it is ``None``."""
    retraining: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the trainer that change where training starts warm."""
    qualification: Mapping[str, Any] = field(default_factory=dict)
    """Settings of each test of qualification under its name: the sampled frames of each round pass through it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.sampling, Mapping):
            raise InputError(f"sampling is {self.sampling!r}; expected n_replicas, seed, and settings of the sampler")
        for name, least in (("n_replicas", 1), ("seed", 0)):
            check_count(f"sampling.{name}", self.sampling.get(name), least)
        read_record(SelectionSettings, self.selection, "selection")
        if self.calibration is not None:
            read_record(CalibrationSettings, self.calibration, "calibration")
        if self.quantity is not None:
            read_record(QuantitySettings, self.quantity, "quantity")
        if not isinstance(self.retraining, Mapping):
            raise InputError(f"retraining is {self.retraining!r}; expected settings of the trainer")
        if not isinstance(self.qualification, Mapping):
            raise InputError(f"qualification is {self.qualification!r}; expected settings under the names of tests")
