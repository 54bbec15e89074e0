"""Many children of one WorkChain, a bounded number at a time: as one ends, the next starts."""

from collections.abc import Mapping
from typing import Any, TypeVar

from aiida import orm
from aiida.common import AttributeDict
from aiida.common.links import LinkType
from aiida.engine import Process, ProcessState, ToContext, WorkChain
from aiida.engine.processes.workchains.awaitable import Awaitable

from aiida_elyte.workflows.ports import positive_integer

__all__ = ["FanOutWorkChain"]

_T = TypeVar("_T")


class FanOutWorkChain(WorkChain):
    """A WorkChain with one set of children that do not depend on each other.

    The outline holds ``while_(cls.should_run_children)(cls.run_children, cls.inspect_children)``. A child is known by
    the label of its call link, so that a WorkChain that goes on from a checkpoint finds what it has already submitted
    and neither loses nor repeats a child. Children are inspected as they end: what is kept is kept by their names.
    """

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the bound."""
        super().define(spec)
        spec.input("max_in_flight", **positive_integer("Jobs at a time; as one ends, the next starts."))

    def list_children(self) -> list[str]:
        """Return the names of the children, in the order of submission."""
        raise NotImplementedError

    def call_label(self, name: str) -> str:
        """Return the label of the call of a child, which no other call has."""
        raise NotImplementedError

    def build_child(self, name: str) -> tuple[type[Process], AttributeDict]:
        """Return the process and the inputs of a child."""
        raise NotImplementedError

    def inspect_child(self, name: str, node: orm.ProcessNode) -> None:
        """Keep what a child gave, or why it failed; called once for each child, in the order in which they end."""
        raise NotImplementedError

    def should_run_children(self) -> bool:
        """Return whether children wait or run."""
        if "waiting" not in self.ctx:
            self.ctx.waiting, self.ctx.running = self.list_children(), {}
        return bool(self.ctx.waiting or self.ctx.running)

    def run_children(self) -> ToContext:
        """Submit as many children as have room, and wait until one of those that run ends."""
        while self.ctx.waiting and len(self.ctx.running) < self.inputs.max_in_flight.value:
            name = self.ctx.waiting.pop(0)
            self.ctx.running[name] = self._submit(name).pk
        return ToContext(**{f"children.{name}": orm.load_node(pk) for name, pk in self.ctx.running.items()})

    def inspect_children(self) -> None:
        """Inspect the children that have ended."""
        for name, pk in sorted(self.ctx.running.items()):
            node: Any = orm.load_node(pk)
            if node.is_terminated:
                del self.ctx.running[name], self.ctx.children[name]
                self.inspect_child(name, node)

    def first_of(self, kept: Mapping[str, _T]) -> _T:
        """Return what was kept of the first child that has any, in the order of submission."""
        return next(kept[name] for name in self.list_children() if name in kept)

    def _submit(self, name: str) -> orm.ProcessNode:
        """Submit a child, or return the one that a worker killed before its next checkpoint had submitted."""
        label = self.call_label(name)
        links: Any = self.node.base.links
        for call in links.get_outgoing(link_type=(LinkType.CALL_CALC, LinkType.CALL_WORK), link_label_filter=label):
            # The filter takes `_` for any letter. A process without a checkpoint was stored but never queued.
            is_queued = call.node.checkpoint is not None or call.node.process_state is not ProcessState.CREATED
            if call.link_label == label and is_queued:
                return call.node
        process, inputs = self.build_child(name)
        inputs.metadata = AttributeDict({**inputs.get("metadata", {}), "call_link_label": label})
        return self.submit(process, **inputs)

    def _on_awaitable_finished(self, awaitable: Awaitable) -> None:
        """Go on when one child ends, where AiiDA waits for all that a step awaits.

        A child that outlives a wait is awaited again by the next, so that its end may be reported more than once.
        """
        awaited = next((each for each in self._awaitables if each.pk == awaitable.pk), None)
        if awaited is None:
            return
        super()._on_awaitable_finished(awaited)
        if self.state == ProcessState.WAITING and awaited.pk in self.ctx.get("running", {}).values():
            self.resume()
