"""Settings of the analyses of trajectories, checked before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import check_count, check_positive

__all__ = ["ReductionSettings", "ShellSettings"]


@dataclass(frozen=True)
class ReductionSettings:
    """Settings of ``reduce_trajectory``.

    Raises
    ------
    InputError
        If a value is invalid.
    """

    trajectories: Mapping[str, str | list[str]] | None = None
    """Replica → its file or parts; ``None`` is filled in before it runs."""
    topology: str | None = None
    """File of the topology."""
    timestep_fs: float | None = None
    """Time step, where the trajectories do not tell it [fs]."""
    cell_A: Any = None
    """Cell, where the trajectories do not tell it [Å]."""
    elements: Mapping[str, str] | None = None
    """Type in a dump of LAMMPS → chemical symbol."""
    lammps_units: str = "real"
    """Units of dumps of LAMMPS."""
    stride: int = 1
    """Frames from one that is read to the next."""
    molecules: Mapping[str, str] = field(default_factory=dict)
    """Name → selection of MDAnalysis."""
    tracked: Sequence[str] | None = None
    """Species whose particles are followed one by one; all by default."""
    members: Mapping[str, str] = field(default_factory=dict)
    """Replica → the potential that drove it."""
    max_megabytes: float = 64.0
    """Bound on the displacements kept of each replica [MB]."""
    checkpoint_seconds: float = 300.0
    """Time between checkpoints [s]."""

    def __post_init__(self) -> None:
        _check_reading(self.timestep_fs, self.stride, self.checkpoint_seconds)
        check_positive("max_megabytes", self.max_megabytes)
        for name in ("molecules", "members"):
            if not isinstance(getattr(self, name), Mapping):
                raise InputError(f"{name} is {getattr(self, name)!r}; expected names with their values")
        if self.tracked is not None and not isinstance(self.tracked, list | tuple):
            raise InputError(f'tracked is {self.tracked!r}; expected a list of species, as ["Li"]')


@dataclass(frozen=True)
class ShellSettings:
    """Settings of ``analyse_solvation``; trajectories, topology, centre and sites are filled in before it runs.

    Raises
    ------
    InputError
        If a value is invalid.
    """

    trajectories: Mapping[str, str | list[str]] | None = None
    """One label → its file or parts."""
    topology: str | None = None
    """File of the topology."""
    centre: str | None = None
    """Chemical symbol of the ions."""
    sites: Mapping[str, str] | None = None
    """Name → selection of MDAnalysis."""
    anion: str | None = None
    """The site whose molecules are the anions."""
    timestep_fs: float | None = None
    """Time step, where the trajectory does not tell it [fs]."""
    stride: int = 1
    """Frames from one that is read to the next."""
    max_distance_A: float = 10.0
    """Largest distance of the radial distribution functions [Å]."""
    shell_A: float = 0.05
    """Width of their shells [Å]."""
    allowed_absence_fs: float = 0.0
    """A molecule that is back after this time has not left [fs]."""
    checkpoint_seconds: float = 300.0
    """Time between checkpoints [s]."""

    def __post_init__(self) -> None:
        _check_reading(self.timestep_fs, self.stride, self.checkpoint_seconds)
        for name in ("max_distance_A", "shell_A"):
            check_positive(name, getattr(self, name))
        absence = self.allowed_absence_fs
        if (
            isinstance(absence, bool)
            or not isinstance(absence, int | float)
            or not (isfinite(absence) and absence >= 0)
        ):
            raise InputError(f"allowed_absence_fs is {absence!r}; expected a number, 0 or more")
        if self.sites is not None and (not isinstance(self.sites, Mapping) or not self.sites):
            raise InputError(f'sites is {self.sites!r}; expected name → selection, as {{"O of TFSI": "type 9"}}')
        if self.anion is not None and self.sites is not None and self.anion not in self.sites:
            raise InputError(f"anion is {self.anion!r}; expected one of {', '.join(self.sites)}")


def _check_reading(timestep_fs: float | None, stride: int, checkpoint_seconds: float) -> None:
    if timestep_fs is not None:
        check_positive("timestep_fs", timestep_fs)
    check_count("stride", stride)
    if checkpoint_seconds != 0:
        check_positive("checkpoint_seconds", checkpoint_seconds)
