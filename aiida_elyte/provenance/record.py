"""What the records of all streets have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from aiida_elyte.provenance.learning import Labels, LearningRecord, Member, Training, load_trainings
from aiida_elyte.provenance.process import Process, StageRecord, TrailStep, read_stages
from aiida_elyte.provenance.qualification import QualificationRecord
from aiida_elyte.provenance.theory import Theory

__all__ = ["StreetRecord"]


@dataclass(frozen=True, kw_only=True)
class StreetRecord(ABC):
    """What the graph holds of a street, or of a part of one."""

    process: Process
    """The process."""
    theory: Theory
    """Level of theory."""
    given_dataset: bool
    """Whether labelled frames were given."""
    seeds: Labels | None
    """Labels of the first frames that were made."""
    learning: LearningRecord | None
    """The learning; ``None`` before it has begun."""
    qualification: QualificationRecord | None
    """What the tests of qualification found; ``None`` before they have ended."""

    @cached_property
    def trainings(self) -> tuple[tuple[Training, dict[str, Member]], ...]:
        """Trainings with their members, as of ``load_trainings``."""
        return () if self.learning is None else load_trainings(self.learning)

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence for each thing that a reader would look for in vain."""
        return tuple(self._missing())

    def stages(self) -> list[StageRecord]:
        """Load the street, its stations and their runs, with the time each took."""
        return read_stages(self.process.pk, self._stations())

    def trail(self) -> tuple[TrailStep, ...]:
        """Return the way from a conductivity back to the frames."""
        return tuple(self._trail())

    @abstractmethod
    def _missing(self) -> Iterator[str]: ...

    @abstractmethod
    def _stations(self) -> Mapping[str, int | None]:
        """Return the PKs of the stations by the labels of their calls."""

    @abstractmethod
    def _trail(self) -> Iterator[TrailStep]: ...
