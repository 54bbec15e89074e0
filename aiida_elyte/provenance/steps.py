"""Every process below a WorkChain, read in one query a level: what runs, how far it is, what it has given."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.program import PROGRESS
from aiida_elyte.provenance.names import is_attempt, parse_call

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["CalledProcess", "descendants", "read_job_settings", "read_progress", "results_of", "running_jobs"]

_TERMINATED = ("finished", "excepted", "killed")
_BETWEEN = " / "
"""What stands between two labels of a path."""


@dataclass(frozen=True)
class CalledProcess:
    """One process called by a WorkChain, directly or not."""

    pk: int
    """PK of its node."""
    path: str
    """Link labels from the top down, those that only count attempts left out."""
    process: str
    """Class of the process."""
    state: str
    """Its state, e.g. ``running``."""
    exit_status: int | None
    """Exit status of a finished one."""
    is_job: bool
    """Whether it is a CalcJob."""
    workdir: str | None
    """Folder of a CalcJob on its computer."""
    is_local: bool
    """Whether that computer is this machine."""
    caller: int
    """PK of the process that called it."""
    label: str
    """Label of the call."""
    since: datetime
    """When it was made."""

    @property
    def is_terminated(self) -> bool:
        """Whether it has ended."""
        return self.state in _TERMINATED

    @property
    def is_sampling(self) -> bool:
        """Whether it belongs to the sampling of a round of learning."""
        calls = (parse_call(label) for label in self.path.split(_BETWEEN))
        return any(call is not None and call.step == "sample" for call in calls)


def descendants(node: "orm.ProcessNode") -> list[CalledProcess]:
    """Return every process called below a node, in the order they were called."""
    from aiida import orm

    callers = {node.pk: ""}
    found: list[CalledProcess] = []
    while callers:
        query = orm.QueryBuilder()
        query.append(orm.ProcessNode, filters={"id": {"in": list(callers)}}, project="id", tag="caller")
        query.append(
            orm.ProcessNode,
            with_incoming="caller",
            edge_filters={"type": {"in": ["call_calc", "call_work"]}},
            edge_project="label",
            project=[
                "id",
                "ctime",
                "node_type",
                "attributes.process_label",
                "attributes.process_state",
                "attributes.exit_status",
                "attributes.remote_workdir",
            ],
            tag="step",
        )
        query.append(orm.Computer, with_node="step", project="transport_type", outerjoin=True)
        above, callers = callers, {}
        for caller, pk, ctime, node_type, process, state, exit_status, workdir, transport, label in query.all():
            path = above[caller] if is_attempt(label) else f"{above[caller]}{_BETWEEN}{label}".removeprefix(_BETWEEN)
            callers[pk] = path
            found.append(
                CalledProcess(
                    pk=pk,
                    path=path,
                    process=process or "",
                    state=state or "created",
                    exit_status=exit_status,
                    is_job="calcjob" in node_type,
                    workdir=workdir,
                    is_local=transport == "core.local",
                    caller=caller,
                    label=label,
                    since=ctime,
                )
            )
    return sorted(found, key=lambda step: step.pk)


def running_jobs(steps: Iterable[CalledProcess]) -> list[CalledProcess]:
    """Return the CalcJobs that have not ended."""
    return [step for step in steps if step.is_job and not step.is_terminated]


def read_progress(step: CalledProcess) -> dict[str, Any]:
    """Return what a running job on this machine last reported of itself, ``{}`` when it has not or cannot be read."""
    return _read(step, PROGRESS)


def read_job_settings(step: CalledProcess) -> dict[str, Any]:
    """Return the settings of a running job on this machine, ``{}`` when they cannot be read."""
    return _read(step, "settings.json")


def _read(step: CalledProcess, name: str) -> dict[str, Any]:
    if not (step.workdir and step.is_local):
        return {}
    try:
        content: dict[str, Any] = json.loads((Path(step.workdir) / name).read_text())
    except FileNotFoundError:
        return {}
    return content


def results_of(node: "orm.ProcessNode", name: str) -> dict[str, Any]:
    """Return the outputs of a namespace or name wherever it is nested: ``transport`` → ``{"T0600_00": node}``."""
    from aiida.common.links import LinkType

    found = {}
    for link in node.base.links.get_outgoing(link_type=(LinkType.RETURN, LinkType.CREATE)).all():
        parts = link.link_label.split("__")
        if name in parts:
            found["__".join(parts[parts.index(name) + 1 :])] = link.node
    return dict(sorted(found.items()))
