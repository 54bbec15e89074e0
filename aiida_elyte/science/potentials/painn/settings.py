"""Settings of a training of PaiNN, checked before anything is labelled or trained; imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.painn.architecture import Architecture
from aiida_elyte.science.settings import (
    Count,
    Flag,
    NotNegative,
    Positive,
    Settings,
    Share,
    Whole,
    check_choice,
    check_device,
    read_record,
)

__all__ = [
    "LossWeights",
    "OptimiserSettings",
    "PainnSettings",
    "ScheduleSettings",
    "SplitSettings",
    "complete_settings",
]


@dataclass(frozen=True)
class LossWeights(Settings):
    """Weights of squared errors: of forces per component, of energies and of V·stress per square root of the atoms.

    Those of SchNetPack's tutorials. On 500 frames of LGPS, energy and forces 1 : 1 raised the force error of short
    trainings by half, and the norm of the force error in place of its square by 16 %. Stress counts where weighted.

    Labels of colliding atoms count less, as (F0/F)² for a force F above F0: there the relative error counts. GPUMD's
    ``force_delta`` does likewise with 1/(1 + F/F0), which takes from ordinary forces, too. The energy and the stress of
    a frame count by its largest force. With a quarter of the frames repulsive the force error
    on ordinary ones is 150 meV/Å, and 189 where all count alike (``examples/benchmarks/repulsion.py``, 3 trainings).
    """

    energy: NotNegative = 0.01
    """Weight of energies [1]."""
    forces: NotNegative = 0.99
    """Weight of forces [1]."""
    stress: NotNegative = 0.0
    """Weight of stresses [1]."""
    large_force_eV_A: Positive | None = 10.0
    """F0, the force from which a label counts less [eV/Å]; ``None`` for all alike.

    Above what hot MD meets: the largest of 1790 PBE frames of LGPS, up to 1200 K, is 8.8, so such frames count fully.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = {name: value for name, value in vars(self).items() if name != "large_force_eV_A"}
        if not any(weights.values()):
            raise InputError(f"weights are {weights}; expected none negative and one positive")


@dataclass(frozen=True)
class OptimiserSettings(Settings):
    """AdamW.

    Force error on a held-out round of LGPS after two minutes of one core: 71 meV/Å with a learning rate of 2e-3, 63
    with 5e-3, 60 with 1e-2. The decay is torch's default; the clip is far above the usual norm and catches the rare
    steep batch.
    """

    learning_rate: Positive = 5e-3
    """Largest learning rate [1]."""
    weight_decay: NotNegative = 0.01
    """Decoupled decay of the weights [1]."""
    clip_norm: Positive = 10.0
    """Norm to which gradients are clipped [1]."""


@dataclass(frozen=True)
class ScheduleSettings(Settings):
    """Warm-up and cosine of the learning rate."""

    warmup_steps: Whole = 100
    """Steps of the warm-up: a hundred let AdamW's second moments settle."""
    final_fraction: Share = 0.01
    """Part of the learning rate that is left at the end [1]."""


@dataclass(frozen=True)
class SplitSettings(Settings):
    """Which frames validate, as ``split_frames`` takes it."""

    validation_fraction: Share = 0.1
    """Part of the frames, neither 0 nor 1 [1]."""
    by: str = "block"
    """``block`` or ``frame``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.validation_fraction in (0, 1):
            raise InputError(
                f"validation_fraction is {self.validation_fraction}; expected a number between 0 and 1; 0.1 is usual"
            )
        check_choice("by", self.by, ("block", "frame"))


_PARTS: dict[str, type] = {
    "architecture": Architecture,
    "loss": LossWeights,
    "optimiser": OptimiserSettings,
    "schedule": ScheduleSettings,
    "split": SplitSettings,
}


@dataclass(frozen=True)
class PainnSettings(Settings):
    """Settings of ``train_painn``.

    Raises
    ------
    InputError
        If a key is unknown, or a value is invalid.
    """

    architecture: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``Architecture``."""
    seed: Whole = 0
    """Seed of weights, batches and split."""
    dtype: str = "float32"
    """``float32`` or ``float64``."""
    loss: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``LossWeights``."""
    batch_size: Count = 5
    """Frames a step; that of SchNetPack's tutorials."""
    optimiser: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``OptimiserSettings``."""
    schedule: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``ScheduleSettings``."""
    max_epochs: Count = 300
    """Most epochs."""
    patience: Count | None = None
    """Epochs without improvement after which it ends; ``None``, as the annealed end of the schedule is worth more."""
    ema_decay: Share = 0.99
    """Decay of the averaged weights a step, below 1 [1]; about one epoch of 500 frames. 0 switches it off."""
    split: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``SplitSettings``."""
    max_minutes: Positive | None = None
    """Time budget [min]; ``None`` for none."""
    allow_mixed_levels: Flag = False
    """Whether labels of several levels of theory are trained on together."""
    device: str = "auto"
    """``auto`` takes CUDA when present; or ``cpu`` or ``cuda``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in _PARTS.items():
            read_record(kind, getattr(self, name), name)
        check_choice("dtype", self.dtype, ("float32", "float64"))
        check_device("device", self.device)
        if self.ema_decay == 1:
            raise InputError("ema_decay is 1; expected a number from 0 to below 1; 0 switches it off")


def complete_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with what they leave out.

    Raises
    ------
    InputError
        On an unknown key, with the nearest known one, or an invalid value.
    """
    settings = vars(read_record(PainnSettings, given, "settings"))
    return {**settings, **{name: asdict(read_record(kind, settings[name], name)) for name, kind in _PARTS.items()}}
