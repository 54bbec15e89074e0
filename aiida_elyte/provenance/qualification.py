"""What the qualification of potentials or boxes found, and the verdict that a potential carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.names import QUALIFICATION
from aiida_elyte.provenance.process import pk_of
from aiida_elyte.science.verdict import Verdict

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["VERDICT", "QualificationRecord", "read_qualification", "verdict_of", "with_verdict"]

VERDICT = "elyte_verdict"
"""Extra of a potential: ``verdict``, ``reasons`` and ``qualification_uuid`` of its last qualification."""


@dataclass(frozen=True)
class QualificationRecord:
    """A qualification that has ended."""

    pk: int
    """PK of its findings."""
    process_pk: int | None
    """PK of the WorkChain that made them; ``None`` where the street did not call one."""
    verdict: Verdict
    """The verdict."""
    tests: dict[str, dict[str, Any]]
    """What each test found, with the fields of a ``Finding``; or ``failed``, why it could not be run."""
    conditions: dict[str, Any]
    """Temperature, replicas and length of the dynamics."""
    offending_pk: int | None
    """PK of the frames that failed; ``None`` without any."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, the verdict as results carry it."""
        return {**vars(self), **self.verdict.as_dict()}


def read_qualification(*callers: Links | None) -> QualificationRecord | None:
    """Return the last qualification that one of these processes called, the first of them that has one.

    Parameters
    ----------
    *callers
        Processes that may have called one, or were given its findings, or give them themselves; ``None`` for those that
        have not begun.
    """
    for caller in filter(None, callers):
        called = caller.calls.get(QUALIFICATION)
        for links in (called.outputs if called is not None else {}, caller.outputs, caller.inputs):
            if QUALIFICATION in links:
                return _read(links, called)
    return None


def _read(links: Mapping[str, Any], called: Links | None) -> QualificationRecord:
    content = links[QUALIFICATION].get_dict()
    return QualificationRecord(
        pk=links[QUALIFICATION].pk,
        process_pk=pk_of(called),
        verdict=Verdict.from_dict(content),
        tests=dict(content.get("tests", {})),
        conditions=dict(content.get("conditions", {})),
        offending_pk=pk_of(links.get("offending")),
    )


def with_verdict(result: "orm.Dict | None") -> dict[str, Any] | None:
    """Return what a result holds, with the verdict that it carries; one of before there were any is unqualified."""
    if result is None:
        return None
    content: dict[str, Any] = result.get_dict()
    return {**content, **Verdict.from_dict(content).as_dict()}


def verdict_of(potential: "orm.Node") -> Verdict | None:
    """Return the verdict of the last qualification of a potential, ``None`` where it had none."""
    found = potential.base.extras.get(VERDICT, None)
    return None if found is None else Verdict.from_dict(found)
