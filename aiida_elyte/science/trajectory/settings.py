"""Settings of the analyses of trajectories, checked before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import Count, NotNegative, Positive, Settings

__all__ = ["ReductionSettings", "ShellSettings"]


@dataclass(frozen=True)
class _Reading(Settings):
    """What is read of trajectories; ``None`` is filled in before it runs."""

    trajectories: Mapping[str, str | list[str]] | None = None
    """Replica → its file or parts."""
    topology: str | None = None
    """File of the topology."""
    timestep_fs: Positive | None = None
    """Time step, where the trajectories do not tell it [fs]."""
    stride: Count = 1
    """Frames from one that is read to the next."""
    checkpoint_seconds: NotNegative = 300.0
    """Time between checkpoints [s]."""


@dataclass(frozen=True)
class ReductionSettings(_Reading):
    """Settings of ``reduce_trajectory``."""

    cell_A: Any = None
    """Cell, where the trajectories do not tell it [Å]."""
    elements: Mapping[str, str] | None = None
    """Type in a dump of LAMMPS → chemical symbol."""
    lammps_units: str = "real"
    """Units of dumps of LAMMPS."""
    molecules: Mapping[str, str] = field(default_factory=dict)
    """Name → selection of MDAnalysis."""
    tracked: Sequence[str] | None = None
    """Species whose particles are followed one by one; all by default."""
    members: Mapping[str, str] = field(default_factory=dict)
    """Replica → the potential that drove it."""
    max_megabytes: Positive = 64.0
    """Bound on the displacements kept of each replica [MB]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("molecules", "members"):
            if not isinstance(getattr(self, name), Mapping):
                raise InputError(f"{name} is {getattr(self, name)!r}; expected names with their values")
        if self.tracked is not None and not isinstance(self.tracked, list | tuple):
            raise InputError(f'tracked is {self.tracked!r}; expected a list of species, as ["Li"]')


@dataclass(frozen=True)
class ShellSettings(_Reading):
    """Settings of ``analyse_solvation``, of the one trajectory of one label; centre and sites are filled in, too."""

    centre: str | None = None
    """Chemical symbol of the ions."""
    sites: Mapping[str, str] | None = None
    """Name → selection of MDAnalysis."""
    anion: str | None = None
    """The site whose molecules are the anions."""
    max_distance_A: Positive = 10.0
    """Largest distance of the radial distribution functions [Å]."""
    shell_A: Positive = 0.05
    """Width of their shells [Å]."""
    allowed_absence_fs: NotNegative = 0.0
    """A molecule that is back after this time has not left [fs]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sites is not None and (not isinstance(self.sites, Mapping) or not self.sites):
            raise InputError(f'sites is {self.sites!r}; expected name → selection, as {{"O of TFSI": "type 9"}}')
        if self.anion is not None and self.sites is not None and self.anion not in self.sites:
            raise InputError(f"anion is {self.anion!r}; expected one of {', '.join(self.sites)}")
