"""What a node is, and whether it may be used: potentials, ensembles, qualifications."""

from typing import TYPE_CHECKING, Any

from aiida_elyte.provenance.learning import newest_potentials
from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.nodes import load_any
from aiida_elyte.provenance.qualification import read_qualification, verdict_of
from aiida_elyte.provenance.street import is_street, read_street

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["describe_node"]


def describe_node(node: "orm.Node | int | str") -> dict[str, Any]:
    """Return what a potential or force field is, or which of them a WorkChain has, each with its verdict.

    Parameters
    ----------
    node
        Node, PK or UUID of a potential, a force field, or a WorkChain that trained, tested or was given some.

    Returns
    -------
    dict
        Plain values: ``pk``, ``uuid``, ``type``; of data their ``attributes``, ``verdict`` and ``reasons``, which are
        ``None`` and empty where they were never tested; of a WorkChain ``potentials``, by the name of the member, and
        its ``qualification``, if there was one.

    Raises
    ------
    InputError
        If there is no such node, or no profile is loaded.
    """
    from aiida import orm

    found = load_any(node) if isinstance(node, int | str) else node
    if not isinstance(found, orm.ProcessNode):
        return _describe_data(found)
    record = read_street(found).qualification if is_street(found) else read_qualification(Links(found))
    return {
        "pk": found.pk,
        "uuid": found.uuid,
        "type": found.process_label,
        "potentials": {name: _describe_data(one) for name, one in newest_potentials(found).items()},
        "qualification": None if record is None else record.as_dict(),
    }


def _describe_data(node: "orm.Node") -> dict[str, Any]:
    verdict = verdict_of(node)
    judged = {"verdict": None, "reasons": []} if verdict is None else verdict.as_dict()
    described = {"pk": node.pk, "uuid": node.uuid, "type": type(node).__name__}
    return {**described, "attributes": dict(node.base.attributes.all), **judged}
