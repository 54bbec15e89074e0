"""What the sampling of clusters and small boxes is told, checked before anything is labelled; imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import Count, Positive, Settings, Temperature, Whole, read_record

__all__ = ["Boxes", "Sampling"]


@dataclass(frozen=True)
class Boxes(Settings):
    """Small boxes, from which clusters are cut."""

    count: Whole = 0
    """Replicas that are boxes and not clusters."""
    n_atoms: Count = 600
    """Atoms of a box, more where one molecule of each kind asks for it."""
    n_units: Count = 4
    """Repeat units of the chains in it."""
    pressure_bar: Positive = 3000.0
    """Pressure that compresses it [bar]."""
    compress_steps: Count = 10000
    """Steps of the compression."""
    cutoff_A: Positive = 10.0
    """Cutoff of forces in real space [Å]."""
    radius_A: Positive = 4.0
    """Distance from a cation within which molecules belong to its cluster [Å]."""
    max_atoms: Count = 90
    """Most atoms of a cluster."""
    n_cuts: Count = 2
    """Clusters cut out of every frame."""
    density_g_cm3: Positive | None = None
    """Density of the loose box [g/cm³]; by default that of ``loose_density``."""
    recipe: Mapping[str, Any] | None = None
    """The electrolyte; the street fills it in."""


@dataclass(frozen=True)
class Sampling(Settings):
    """Settings of ``sample_clusters``; ``None`` is what others fill in before it runs.

    Raises
    ------
    InputError
        If a key of the boxes is unknown, a value is invalid, no frame would be kept, or more replicas are to
        be boxes than there are.
    """

    temperature_K: Temperature | None = None
    """Temperature [K]."""
    timestep_fs: Positive | None = None
    """Time step [fs]."""
    n_steps: Count | None = None
    """Steps of each replica."""
    sample_stride: Count | None = None
    """Steps between two frames."""
    replicas: Sequence[Mapping[str, Any]] | None = None
    """``seed`` and ``member`` of each."""
    boxes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``Boxes``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if None not in (self.n_steps, self.sample_stride) and self.sample_stride > self.n_steps:  # type: ignore[operator]
            raise InputError(
                f"sample_stride is {self.sample_stride}, n_steps {self.n_steps}; expected frames within the steps; "
                "lower sample_stride"
            )
        boxes = read_record(Boxes, self.boxes, "boxes")
        if self.replicas is None:
            return
        if not isinstance(self.replicas, list | tuple) or not self.replicas:
            raise InputError(f'replicas is {self.replicas!r}; expected a list as [{{"seed": 1, "member": "m00"}}]')
        if boxes.count > len(self.replicas):
            raise InputError(
                f"boxes.count is {boxes.count}, with {len(self.replicas)} replicas; expected no more boxes than "
                "replicas; lower boxes.count, or raise n_replicas"
            )

    def require_all(self) -> None:
        """Reject settings that lack what others fill in.

        Raises
        ------
        InputError
            If something is lacking.
        """
        lacking = [name for name, value in vars(self).items() if value is None]
        if lacking:
            raise InputError(f"settings lacks {', '.join(lacking)}; expected a value for each")
        if read_record(Boxes, self.boxes, "boxes").count and self.boxes.get("recipe") is None:
            raise InputError("boxes.count is above zero without a recipe; expected the electrolyte; give boxes.recipe")
