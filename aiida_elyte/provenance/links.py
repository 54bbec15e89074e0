"""A process and what it is linked to."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["Links"]

_Link = tuple[str, str, Any, str]
"""Kind and label of a link, the node at its other end and that node's class of process."""


class Links:
    """A process with its inputs, outputs and calls by their labels.

    The links are queried once, when asked for, and then those of all processes that were called beside it.

    Parameters
    ----------
    node
        Node of the process.
    process
        Class of the process, where the node need not be asked for it.
    beside
        The processes that were called beside it, itself among them.

    Attributes
    ----------
    node, pk
        The node and its PK.
    process
        Class of the process.
    """

    def __init__(
        self, node: "orm.ProcessNode", process: str | None = None, beside: "list[Links] | None" = None
    ) -> None:
        self.node: Any = node
        self.pk = int(node.pk or 0)
        self.process: str = node.process_label or "" if process is None else process
        self._beside = [self] if beside is None else beside

    @cached_property
    def _incoming(self) -> list[_Link]:
        return self._query("_incoming", "with_outgoing")

    @cached_property
    def _outgoing(self) -> list[_Link]:
        return self._query("_outgoing", "with_incoming")

    def _query(self, direction: str, join: str) -> list[_Link]:
        """Query the links in one direction of all processes beside it, leave each its own, and return those of this."""
        from aiida import orm

        found: dict[int, list[_Link]] = {one.pk: [] for one in self._beside}
        other: dict[str, Any] = {join: "process", "edge_project": ["type", "label"]}
        query = orm.QueryBuilder().append(orm.Node, filters={"id": {"in": list(found)}}, project="id", tag="process")
        query.append(orm.Node, project=["ctime", "id", "*", "attributes.process_label"], **other)
        # The edge comes last in a row; after an import PKs need not follow time.
        for pk, _, _, node, process, kind, label in sorted(query.all(), key=lambda row: (row[1], row[2])):
            found[pk].append((kind, label, node, process or ""))
        for one in self._beside:
            vars(one)[direction] = found[one.pk]
        return found[self.pk]

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Nodes it was given, ``a__b`` those of a namespace."""
        return {label: node for kind, label, node, _ in self._incoming if kind in ("input_work", "input_calc")}

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """Nodes it gave, ``a__b`` those of a namespace."""
        return {label: node for kind, label, node, _ in self._outgoing if kind in ("return", "create")}

    @cached_property
    def _called(self) -> "list[tuple[str, str, Links]]":
        """Kind and label of the link to each process that it called, and the process, in the order they were made."""
        beside: list[Links] = []
        made = [one for one in self._outgoing if one[0] in ("call_work", "call_calc")]
        called = [(kind, label, Links(node, process, beside)) for kind, label, node, process in made]
        beside += [one for _, _, one in called]
        return called

    @property
    def calls(self) -> "dict[str, Links]":
        """Processes it called, in the order they were made."""
        return {label: one for _, label, one in self._called}

    @property
    def settings(self) -> dict[str, Any]:
        """Settings it was given."""
        return dict(self.inputs["settings"].get_dict())

    def functions(self, name: str) -> "list[Links]":
        """Return its calls of a calcfunction, oldest first; several may have one label."""
        return [one for kind, _, one in self._called if kind == "call_calc" and one.process == name]

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
