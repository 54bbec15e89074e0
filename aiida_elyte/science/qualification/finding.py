"""What a test of qualification found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Finding", "not_judged"]


@dataclass(frozen=True)
class Finding:
    """What one test of qualification found; the verdict on the potential is made of all findings."""

    value: float | None
    """What was measured; ``None`` if there was nothing to measure."""
    unit: str
    """Its unit."""
    threshold: float
    """Limit of the value."""
    source: str
    """Where the limit comes from."""
    passed: bool | None
    """Whether the value is within its limit; ``None`` if that cannot be judged."""
    offending: Mapping[int, str]
    """Index of each sampled frame that is beyond the limit → what is wrong with it."""
    reason: str = ""
    """A sentence: what was found, where it failed; or why it cannot be judged."""

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON takes it."""
        return {**asdict(self), "offending": {str(index): reason for index, reason in self.offending.items()}}


def not_judged(why: str, unit: str, threshold: float, source: str) -> Finding:
    """Return the finding of a test that has nothing to judge by, with the reason."""
    return Finding(None, unit, threshold, source, None, {}, why)
