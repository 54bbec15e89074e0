"""What a potential is judged by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ase import Atoms

from aiida_elyte.science.learning.calibration import Calibration

__all__ = ["Evidence"]


@dataclass(frozen=True)
class Evidence:
    """What a test judges a potential by; what is not there is not judged."""

    sampled: Sequence[Atoms]
    """Frames of dynamics with the potential, with what ``info`` says of each: ``run`` (a key of ``runs``), ``replica``
    and ``step``, ``spread_max_eV_A``, ``potential_energy_eV`` where they are known; arrays of the committee."""
    labelled: Sequence[Atoms]
    """Frames that the potential was trained on."""
    start: Atoms | None = None
    """Frame the dynamics started from, in their supercell."""
    temperature_K: float | None = None
    """Temperature of the dynamics [K]."""
    framework: tuple[str, ...] = ()
    """Species whose sites should last."""
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the program of dynamics reports of each run: ``nvt``, ``nve``, ``npt``."""

    calibration: Calibration | None = None
    """What the committee's spread is worth; ``None`` if nobody knows."""

    def of_replicas(self, name: str, runs: Sequence[str] = ("nvt", "nve", "npt")) -> Iterator[tuple[str, str, Any]]:
        """Return run, replica and what the program reports of it under a name, e.g. ``lindemann``."""
        for run in runs:
            for replica, value in self.runs.get(run, {}).get(name, {}).items():
                yield run, replica, value

    def frame_near(self, run: str, replica: str, step: float) -> int | None:
        """Return the index of the sampled frame of a replica that is nearest to a step; ``None`` if it has none."""
        apart = {
            index: abs(float(frame.info["step"]) - step)
            for index, frame in enumerate(self.sampled)
            if (frame.info.get("run"), frame.info.get("replica")) == (run, replica)
        }
        return min(apart, key=apart.__getitem__) if apart else None

    def blame(self, faults: Mapping[tuple[str, str, float], str]) -> dict[int, str]:
        """Return which sampled frames stand for faults: run, replica and step → what is wrong there."""
        found: dict[int, str] = {}
        for (run, replica, step), reason in faults.items():
            index = self.frame_near(run, replica, step)
            if index is not None:
                found[index] = reason
        return found
