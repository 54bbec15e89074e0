"""A street of either kind by its process, and its results."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiida_elyte.errors import InputError
from aiida_elyte.provenance.crystal import CRYSTAL, CrystalStreet, read_crystal_street
from aiida_elyte.provenance.polymer import POLYMER, PolymerStreet, read_polymer_street
from aiida_elyte.science.verdict import Verdict

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["ARRHENIUS", "Results", "Street", "find_streets", "is_street", "read_street", "results_of_street"]

Street = CrystalStreet | PolymerStreet

ARRHENIUS = "Arrhenius fit"
"""Where a result holds that is of no single temperature."""


@dataclass(frozen=True)
class Results:
    """What a street has found so far."""

    transport: dict[str, dict[str, Any]]
    """Transport quantities of each production run; under an empty name those of pooled boxes."""
    solvation: dict[str, Any] | None
    """First shells of the cations, of all boxes, with ``verdict`` and ``reasons``."""
    arrhenius: dict[str, Any] | None
    """Quantities of the Arrhenius fit."""

    @property
    def verdicts(self) -> list[tuple[str, Verdict]]:
        """Where each result holds, as ``600 K`` or the Arrhenius fit, and its verdict."""
        found = [
            (f"{one['conditions']['temperature_K']:g} K", Verdict.from_dict(one)) for one in self.transport.values()
        ]
        return found if self.arrhenius is None else [*found, (ARRHENIUS, Verdict.from_dict(self.arrhenius))]


def is_street(node: "orm.Node") -> bool:
    """Tell whether a node is a street, or a part of one that can be read."""
    return getattr(node, "process_label", None) in (*CRYSTAL, *POLYMER)


def read_street(node: Any) -> Street:
    """Return the record of a street, or of a part of one.

    Raises
    ------
    InputError
        If the node is not such a process.
    """
    if not is_street(node):
        known = ", ".join((*CRYSTAL, *POLYMER))
        label = getattr(node, "process_label", None) or type(node).__name__
        raise InputError(
            f"node {node.pk} is {label}; expected a {known}; give the process number that `aiida-elyte launch` printed"
        )
    return read_polymer_street(node) if node.process_label in POLYMER else read_crystal_street(node)


def results_of_street(street: Street) -> Results:
    """Return what a street has found so far."""
    if isinstance(street, PolymerStreet):
        found = street.pooled.transport
        is_known = street.part == "box" or street.pooled_solvation is not None
        return Results({} if found is None else {"": found}, street.solvation if is_known else None, None)
    runs = {run.name: run.transport for run in street.runs if run.transport is not None}
    return Results(runs, None, street.arrhenius)


def find_streets() -> "list[orm.WorkChainNode]":
    """Return the WorkChains of this package that nothing called, oldest first."""
    from aiida import orm

    query = orm.QueryBuilder().append(
        orm.WorkChainNode, filters={"process_type": {"like": "aiida.workflows:elyte.%"}}, tag="street"
    )
    query.order_by({"street": "id"})
    return [node for node in query.all(flat=True) if node.caller is None]
