"""A process and what it is linked to."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["Links"]


class Links:
    """A process with its inputs, outputs and calls by their labels; the links are queried once, when asked for.

    Parameters
    ----------
    node
        Node of the process.
    process
        Class of the process, where the node need not be asked for it.

    Attributes
    ----------
    node, pk
        The node and its PK.
    process
        Class of the process.
    """

    def __init__(self, node: "orm.ProcessNode", process: str | None = None) -> None:
        self.node: Any = node
        self.pk = int(node.pk or 0)
        self.process: str = node.process_label or "" if process is None else process

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Nodes it was given, ``a__b`` those of a namespace."""
        from aiida.common.links import LinkType

        kinds = (LinkType.INPUT_WORK, LinkType.INPUT_CALC)
        return {link.link_label: link.node for link in self.node.base.links.get_incoming(link_type=kinds).all()}

    @cached_property
    def _outgoing(self) -> list[tuple[str, str, Any, str]]:
        """Kind and label of each link that leaves it, the node there and its class of process, as they were made."""
        from aiida import orm

        query = orm.QueryBuilder()
        query.append(orm.Node, filters={"id": self.pk}, tag="process")
        query.append(
            orm.Node,
            with_incoming="process",
            edge_project=["type", "label"],
            project=["ctime", "id", "*", "attributes.process_label"],
        )
        found = query.all()
        # The edge comes last in a row; after an import PKs need not follow time.
        ordered = sorted(found, key=lambda row: (row[0], row[1]))
        return [(kind, label, node, process or "") for _, _, node, process, kind, label in ordered]

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """Nodes it gave, ``a__b`` those of a namespace."""
        return {label: node for kind, label, node, _ in self._outgoing if kind in ("return", "create")}

    @cached_property
    def calls(self) -> "dict[str, Links]":
        """Processes it called, in the order they were made."""
        return {
            label: Links(node, process)
            for kind, label, node, process in self._outgoing
            if kind in ("call_work", "call_calc")
        }

    @property
    def settings(self) -> dict[str, Any]:
        """Settings it was given."""
        return dict(self.inputs["settings"].get_dict())

    def functions(self, name: str) -> "list[Links]":
        """Return its calls of a calcfunction, oldest first; several may have one label."""
        called = [(node, process) for kind, _, node, process in self._outgoing if kind == "call_calc"]
        return [Links(node, process) for node, process in called if process == name]

    def under(self, namespace: str) -> dict[str, Any]:
        """Return the outputs of a namespace by their names in it."""
        start = f"{namespace}__"
        return {
            label.removeprefix(start): node for label, node in sorted(self.outputs.items()) if label.startswith(start)
        }

    def last_output(self, name: str) -> Any:
        """Return an output of a restart WorkChain, or of its last job where it has none yet, ``None`` without any."""
        for source in (self, *reversed(self.calls.values())):
            if name in source.outputs:
                return source.outputs[name]
        return None

    def last_results(self) -> dict[str, Any]:
        """Return the ``results`` of a restart WorkChain, or of its last job where it has none yet."""
        found = self.last_output("results")
        return {} if found is None else dict(found.get_dict())
