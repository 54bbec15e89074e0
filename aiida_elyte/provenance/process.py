"""One process of the graph: what it is, how it ended, what it was given, called and gave."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, overload

from aiida_elyte.provenance.names import Call, parse_call

if TYPE_CHECKING:
    from aiida import orm

__all__ = [
    "Process",
    "Stage",
    "TrailStep",
    "calls_of",
    "functions_of",
    "input_of",
    "last_output",
    "last_results",
    "load",
    "load_arrays",
    "outcome_of",
    "pk_of",
    "read_process",
    "read_stages",
    "seconds_of",
    "settings_of",
]


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
class Stage:
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


def read_process(node: "orm.ProcessNode") -> Process:
    """Return the record of a process."""
    return Process(
        pk=pk_of(node),
        uuid=node.uuid,
        label=node.process_label or "",
        name=node.label,
        state=_state_of(node),
        finished=node.is_terminated,
        ok=node.is_finished_ok,
        exit_status=node.exit_status,
        exit_message=node.exit_message or (node.exception if node.is_excepted else None),
        begun=node.ctime.isoformat(timespec="seconds"),
        seconds=seconds_of(node),
    )


def _state_of(node: "orm.ProcessNode") -> str:
    return str(node.process_state.value) if node.process_state else "created"


def seconds_of(node: "orm.ProcessNode") -> float:
    """Return the time from the start of a process to its end, or to now [s]."""
    end = node.mtime if node.is_terminated else datetime.now(UTC)
    return (end - node.ctime).total_seconds()


def outcome_of(node: "orm.ProcessNode") -> str:
    """Return ``ok``, or what a process that has not ended well says of itself."""
    return read_process(node).outcome


def calls_of(node: "orm.ProcessNode") -> "dict[str, orm.ProcessNode]":
    """Return the processes a process called, by the label of the call link, in the order they were made."""
    from aiida.common.links import LinkType

    links = node.base.links.get_outgoing(link_type=(LinkType.CALL_WORK, LinkType.CALL_CALC)).all()
    ordered: list[Any] = sorted(links, key=lambda link: (link.node.ctime, pk_of(link.node)))
    return {link.link_label: link.node for link in ordered}


def functions_of(node: "orm.ProcessNode", name: str) -> "list[orm.ProcessNode]":
    """Return the calls of a calcfunction, oldest first."""
    return [called for called in sorted(node.called, key=pk_of) if called.process_label == name]


def input_of(node: "orm.ProcessNode", name: str) -> Any:
    """Return an input, ``a__b`` one of a namespace, or ``None``."""
    from aiida.common.links import LinkType

    links = node.base.links.get_incoming(link_type=LinkType.INPUT_WORK).all()
    return next((link.node for link in links if link.link_label == name), None)


def settings_of(node: "orm.ProcessNode") -> dict[str, Any]:
    """Return the settings a process was given."""
    return dict(node.inputs.settings.get_dict())


def last_output(node: "orm.ProcessNode | None", name: str) -> "Any | None":
    """Return an output of a restart WorkChain, or of its last job where it has none yet."""
    if node is None:
        return None
    for source in (node, *reversed(calls_of(node).values())):
        if name in source.outputs:
            return source.outputs[name]
    return None


def last_results(node: "orm.ProcessNode | None") -> dict[str, Any]:
    """Return the ``results`` of a restart WorkChain, or of its last job where it has none yet."""
    found = last_output(node, "results")
    return {} if found is None else dict(found.get_dict())


@overload
def pk_of(node: None) -> None: ...


@overload
def pk_of(node: "orm.Node") -> int: ...


@overload
def pk_of(node: "orm.Node | None") -> int | None: ...


def pk_of(node: "orm.Node | None") -> int | None:
    """Return the PK of a stored node that may be missing."""
    return None if node is None else node.pk


def load(pk: int) -> Any:
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
    node = load(pk)
    if isinstance(node, orm.ArrayData):
        return {name: node.get_array(name) for name in node.get_arraynames()}
    if not isinstance(node, orm.SinglefileData):
        return {}
    with np.load(io.BytesIO(node.get_content(mode="rb")), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def read_stages(pk: int, parts: Mapping[str, int | None]) -> list[Stage]:
    """Return a street, its stations by name and their runs, those of labelling left out, with the time each took.

    Parameters
    ----------
    pk
        PK of the street.
    parts
        PKs of its stations by the label of their call; ``None`` for one that has not begun.
    """
    from aiida import orm

    found = [Stage(read_process(load(pk)), "", 0)]
    for name, part in parts.items():
        if part is None:
            continue
        station = load(part)
        if part != pk:
            found.append(Stage(read_process(station), name, 1))
        if not _is_labelling(name):
            found += [
                Stage(read_process(child), label, 2)
                for label, child in calls_of(station).items()
                if isinstance(child, orm.WorkChainNode)
            ]
    return found


def _is_labelling(label: str) -> bool:
    call = parse_call(label)
    return call is not None and call.is_labelling
