"""What is new of a WorkChain that runs, whether the daemon runs it or this process."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiida_elyte.api.runner import Observer
from aiida_elyte.provenance.progress import describe_progress, span
from aiida_elyte.provenance.steps import CalledProcess, descendants, running_jobs

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["Reporter", "observe"]

_QUIET_S = 15.0
"""Seconds between two lines about the same running jobs."""
_MAX_JOBS = 4
"""Running jobs that one line names."""
_PREFIX = re.compile(r"^\[\d+\|[^]]*\]: ")
_ROUTINE = re.compile(
    r"^(launching .* iteration #1$|work chain completed after 1 iterations|remote folders will not be cleaned)"
)
"""Reports of restart WorkChains that hold no news."""


class Reporter:
    """Gives what is new of a WorkChain: its reports, and how far its running jobs are.

    Parameters
    ----------
    node
        The WorkChain.
    quiet_s
        Least time between two lines of progress [s].
    """

    def __init__(self, node: "orm.WorkChainNode", quiet_s: float = _QUIET_S) -> None:
        self.node = node
        self.quiet_s = quiet_s
        self._last_log = 0
        self._last_line = ""
        self._spoke = 0.0

    def news(self) -> list[str]:
        """Return the lines that are new since the last call."""
        steps = descendants(self.node)
        lines = self._reports(steps)
        jobs = running_jobs(steps)
        line = " · ".join(f"{job.path}: {describe_progress(job)}" for job in jobs[:_MAX_JOBS])
        if len(jobs) > _MAX_JOBS:
            line += f" · and {len(jobs) - _MAX_JOBS} more jobs"
        if line and line != self._last_line and time.monotonic() - self._spoke > self.quiet_s:
            lines.append(line)
            self._last_line, self._spoke = line, time.monotonic()
        return lines

    def _reports(self, steps: list[CalledProcess]) -> list[str]:
        """Return what the processes reported since the last time."""
        from aiida import orm

        query = orm.QueryBuilder().append(
            orm.Log,
            filters={"dbnode_id": {"in": [self.node.pk, *(step.pk for step in steps)]}, "id": {">": self._last_log}},
            project=["id", "message"],
        )
        lines = []
        for identifier, message in sorted(query.all()):
            self._last_log = identifier
            line = _PREFIX.sub("", message).strip().split("\n")[0]
            if not _ROUTINE.match(line):
                lines.append(line)
        return lines


def observe(progress: Callable[[str], None]) -> Observer:
    """Return an observer that calls ``progress`` with each line of news, after the time since it began to look."""

    def watch(node: "orm.WorkChainNode") -> Callable[[], None]:
        news, start = Reporter(node), time.monotonic()

        def look() -> None:
            for line in news.news():
                progress(f"[{span(time.monotonic() - start):>8}] {line}")

        return look

    return watch
