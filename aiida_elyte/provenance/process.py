"""One process of the graph: what it is, how it ended, what it was given, called and gave."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.names import Call, parse_call

__all__ = [
    "Process",
    "StageRecord",
    "TrailStep",
    "load_arrays",
    "load_node",
    "pk_of",
    "read_process",
    "read_stages",
    "trail_steps",
]

_TERMINATED = ("finished", "excepted", "killed")


@dataclass(frozen=True)
class Process:
    """What a reader wants to know of a process."""

    pk: int
    """PK of its node."""
    uuid: str
    """UUID of its node."""
    label: str
    """Class of the process."""
    name: str
    """Label that a user gave the node."""
    state: str
    """Its state, e.g. ``waiting``."""
    finished: bool
    """Whether it has ended, well or not."""
    ok: bool
    """Whether it has ended well."""
    exit_status: int | None
    """Exit status of a finished one."""
    exit_message: str | None
    """Its exit message, or the exception that ended it."""
    begun: str
    """When it began, ISO 8601."""
    seconds: float
    """Time from its start to its end, or to now [s]."""

    @property
    def outcome(self) -> str:
        """``ok``, or what a process that has not ended well says of itself."""
        if self.ok:
            return "ok"
        if self.exit_status is not None:
            return self.exit_message or f"exit status {self.exit_status}"
        return self.state

    def describe_trouble(self) -> Iterator[str]:
        """Yield a sentence on a street that has not ended well."""
        if not self.finished:
            yield f"The street is still {self.state}; this is what exists so far."
        elif not self.ok:
            status = f"failed with exit status {self.exit_status}" if self.exit_status else self.state
            yield f"The street {status}: {self.exit_message or 'no message'}"


@dataclass(frozen=True)
class StageRecord:
    """A part of a street in the list of what was done."""

    process: Process
    """The process."""
    label: str
    """Label of its call; empty for the whole street."""
    level: int
    """Its depth below the street."""

    @property
    def call(self) -> Call | None:
        """What the label of the call says."""
        return parse_call(self.label)


@dataclass(frozen=True)
class TrailStep:
    """A node on the way from a conductivity back to its frames."""

    what: str
    """What it holds or did."""
    kind: str
    """Its class."""
    pk: int
    """Its PK."""
    process: bool = False
    """Whether it is a process."""


def trail_steps(*found: tuple[str, str, int | None, bool]) -> Iterator[TrailStep]:
    """Yield those steps of a trail, with the fields of ``TrailStep`` in their order, that have a node."""
    for what, kind, pk, process in found:
        if pk is not None:
            yield TrailStep(what, kind, pk, process)


def read_process(node: Any) -> Process:
    """Return the record of a process."""
    stated = node.base.attributes.all  # at once: AiiDA asks the database for each of them
    state, exit_status = stated.get("process_state", "created"), stated.get("exit_status")
    begun, finished = node.ctime, state in _TERMINATED
    return Process(
        pk=node.pk,
        uuid=node.uuid,
        label=stated.get("process_label", ""),
        name=node.label,
        state=state,
        finished=finished,
        ok=state == "finished" and exit_status == 0,
        exit_status=exit_status,
        exit_message=stated.get("exit_message") or (stated.get("exception") if state == "excepted" else None),
        begun=begun.isoformat(timespec="seconds"),
        seconds=((node.mtime if finished else datetime.now(UTC)) - begun).total_seconds(),
    )


def pk_of(node: Any) -> int | None:
    """Return the PK of a stored node that may be missing."""
    return None if node is None else int(node.pk)


def load_node(pk: int) -> Any:
    """Return the node of a PK that a record holds."""
    from aiida import orm

    return orm.load_node(pk)


def load_arrays(pk: int | None) -> dict[str, Any]:
    """Return the arrays of an ``ArrayData`` or of a file ``.npz``; none where there is no node."""
    import io

    import numpy as np
    from aiida import orm

    if pk is None:
        return {}
    node = load_node(pk)
    if isinstance(node, orm.ArrayData):
        return {name: node.get_array(name) for name in node.get_arraynames()}
    if not isinstance(node, orm.SinglefileData):
        return {}
    with np.load(io.BytesIO(node.get_content(mode="rb")), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def read_stages(pk: int, parts: Mapping[str, int | None]) -> list[StageRecord]:
    """Return a street, its stations by name and their runs, those of labelling left out, with the time each took.

    Parameters
    ----------
    pk
        PK of the street.
    parts
        PKs of its stations by the label of their call; ``None`` for one that has not begun.
    """
    from aiida import orm

    found = [StageRecord(read_process(load_node(pk)), "", 0)]
    for name, part in parts.items():
        if part is None:
            continue
        station = Links(load_node(part))
        if part != pk:
            found.append(StageRecord(read_process(station.node), name, 1))
        if not _is_labelling(name):
            found += [
                StageRecord(read_process(child.node), label, 2)
                for label, child in station.calls.items()
                if isinstance(child.node, orm.WorkChainNode)
            ]
    return found


def _is_labelling(label: str) -> bool:
    call = parse_call(label)
    return call is not None and call.is_labelling
