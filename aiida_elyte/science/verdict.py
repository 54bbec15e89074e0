"""The judgement on a number or a potential, which travels with it wherever it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiida_elyte.errors import InputError

__all__ = ["STATUSES", "Verdict", "quantities_of", "worst_of"]

STATUSES = (
    "qualified",
    "unqualified",
    "molten",
    "collided",
    "exploded",
    "torn",
    "not settled",
    "not converged",
    "extrapolated",
)
"""What a verdict may say; ``unqualified``: not tested, or a test failed."""

_GRAVEST_FIRST = (
    "exploded",
    "collided",
    "molten",
    "torn",
    "unqualified",
    "extrapolated",
    "not settled",
    "not converged",
    "qualified",
)
"""What was seen to break comes before what was never tested, and that before what is only known badly."""

_UNJUDGED = "made before potentials were qualified"


@dataclass(frozen=True)
class Verdict:
    """Whether a number may be used, and why not."""

    status: str
    """One of ``STATUSES``."""
    reasons: tuple[str, ...] = ()
    """Why it is not qualified, a sentence each; of a qualified one, what it rests on."""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise InputError(f"verdict is {self.status!r}; expected one of {', '.join(STATUSES)}")
        if not self.is_qualified and not self.reasons:
            raise InputError(f"verdict {self.status!r} has no reason; expected at least one")

    @property
    def is_qualified(self) -> bool:
        """Whether the number may be used."""
        return self.status == "qualified"

    @property
    def mark(self) -> str:
        """What stands behind a number that may not be used, as ``[unqualified]``; nothing behind one that may."""
        return "" if self.is_qualified else f"[{self.status}]"

    def as_dict(self) -> dict[str, Any]:
        """Return what results carry beside their quantities: ``verdict`` and ``reasons``."""
        return {"verdict": self.status, "reasons": list(self.reasons)}

    @classmethod
    def from_dict(cls, result: Mapping[str, Any]) -> "Verdict":
        """Return the verdict that a result carries; a result without one is unqualified."""
        if "verdict" not in result:
            return cls("unqualified", (_UNJUDGED,))
        return cls(result["verdict"], tuple(result.get("reasons", ())))


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the gravest of several verdicts on one number.

    Parameters
    ----------
    verdicts
        One or more. Its reasons are those of all that are not qualified, the gravest first; of all where all are.
    """
    ordered = sorted(verdicts, key=lambda one: _GRAVEST_FIRST.index(one.status))
    gravest = ordered[0]
    speaking = ordered if gravest.is_qualified else [one for one in ordered if not one.is_qualified]
    return Verdict(gravest.status, tuple(dict.fromkeys(reason for one in speaking for reason in one.reasons)))


def quantities_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the estimates and refusals of a result by name, without its conditions and its verdict."""
    return {name: one for name, one in result.items() if name not in ("conditions", "verdict", "reasons")}
