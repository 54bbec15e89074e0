"""A test of qualification."""

from dataclasses import dataclass

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding
from aiida_elyte.science.qualification.kind import Qualification
from aiida_elyte.science.settings import check_positive

__all__ = ["HighestTemperature"]


@dataclass(frozen=True)
class HighestTemperature(Qualification):
    """No sampled frame is hotter than the user allows."""

    max_temperature_K: float
    """Limit of the instantaneous temperature [K]."""

    def __post_init__(self) -> None:
        check_positive("max_temperature_K", self.max_temperature_K)

    def judge(self, evidence: Evidence) -> Finding:
        """Return the highest temperature and the frames above the limit."""
        found = {index: float(frame.info["temperature_K"]) for index, frame in enumerate(evidence.sampled)}
        hot = {index: f"{value:.0f} K" for index, value in found.items() if value > self.max_temperature_K}
        return Finding(
            value=max(found.values(), default=None),
            unit="K",
            threshold=self.max_temperature_K,
            source="the settings: what the user takes for hot",
            passed=not hot if found else None,
            offending=hot,
        )
