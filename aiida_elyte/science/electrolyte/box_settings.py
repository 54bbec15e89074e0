"""What the building of a box is told, checked before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiida_elyte.science.lammps.compression import Compression
from aiida_elyte.science.settings import Positive, Settings, read_record

__all__ = ["BoxSettings"]


@dataclass(frozen=True)
class BoxSettings(Settings):
    """Settings of ``build_box``."""

    recipe: Mapping[str, Any] | None = None
    """The electrolyte; ``None`` is filled in before it is built."""
    density_g_cm3: Positive | None = None
    """Density of the loose box [g/cm³]; ``None`` takes that of ``loose_density``."""
    compression: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``Compression``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        read_record(Compression, self.compression, "compression")
