"""Settings of an adversarial attack, checked before anything starts; imports neither torch nor AiiDA."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.settings import ReplicaSettings, read_replicas
from aiida_elyte.science.settings import (
    Count,
    Flag,
    NotNegative,
    Positive,
    Settings,
    Temperature,
    check_device,
    read_record,
)

__all__ = ["AttackSettings", "read_attack_settings"]


@dataclass(frozen=True)
class AttackSettings(Settings):
    """Settings of one run."""

    temperature_K: Temperature
    """Temperature of the probability factor [K]."""
    replicas: tuple[ReplicaSettings, ...]
    """One seed each, of the starts that it draws; all members are attacked, whichever a replica names."""
    frames_per_replica: Count = 5
    """Frames each replica attacks from."""
    n_steps: Count = 40
    """Steps uphill."""
    step_A: Positive = 0.05
    """First displacement of the atom that a step moves most [Å]; grows while the objective does, and is halved if not.
    """
    rattle_A: NotNegative = 0.05
    """Standard deviation of the displacements from which the ascent begins [Å]: two from one frame part."""
    max_displacement_A: Positive = 1.0
    """Largest displacement of an atom from the start frame [Å]: less than half of a usual hop."""
    min_distance_factor: Positive = 0.7
    """No two atoms nearer than this times the sum of their covalent radii: of 1790 PBE frames of LGPS up to 1200 K the
    nearest contact is at 0.81, and below 0.5 no chemistry comes closer."""
    weighs_energy: Flag = True
    """Whether the probability factor is in the objective; without it energies run away."""
    batch_size: Count = 8
    """Frames that are attacked side by side."""
    device: str = "auto"
    """``auto`` takes CUDA when present; or a device of torch."""
    dtype: str | None = None
    """``float32`` or ``float64``; ``None`` keeps that of the potentials."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device("device", self.device)
        if not self.replicas:
            raise InputError('replicas is empty; expected a list as [{"seed": 1, "member": "m00"}]')
        if self.dtype not in (None, "float32", "float64"):
            raise InputError(f"dtype is {self.dtype!r}; expected float32, float64 or null")


def read_attack_settings(settings: Mapping[str, Any], name: str = "settings") -> AttackSettings:
    """Read the settings of an attack.

    Parameters
    ----------
    settings
        As a user gives them.
    name
        What to call them.

    Raises
    ------
    InputError
        If they are invalid.
    """
    chosen = {**settings, "replicas": read_replicas(settings.get("replicas"))}
    return read_record(AttackSettings, chosen, name)
