"""A filter that looks at what sampling says of a frame."""

from dataclasses import dataclass

from ase import Atoms

from aiida_elyte.science.learning.filters import Filter
from aiida_elyte.science.settings import check_count

__all__ = ["Early"]


@dataclass(frozen=True)
class Early(Filter):
    """Set aside what is too near to where sampling began."""

    min_step: int
    """First step of a run whose frame passes."""

    def __post_init__(self) -> None:
        check_count("min_step", self.min_step, 0)

    def reason(self, frame: Atoms, reference: Atoms) -> str | None:
        """Return the step of a frame that comes too early."""
        step = frame.info["step"]
        return None if step >= self.min_step else f"early: step {step}, before {self.min_step}"
